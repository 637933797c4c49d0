-- Jobs that are new here.
--include arguments
--include ready

local function record_new(job, replaced)
  job.seq = next_number()
  if job.flow then flow().judge(job, replaced) end
  keep(job.id, job)
  if count(BASE .. ':sizes', job.partition, 1) == 1 then
    call('HSET', BASE .. ':groups', job.partition, job.group)
  end
  if job.flow then flow().enter(job) end
end

-- In place of a leased one, where there is that.
local function put(job, replaced)
  record_new(job, replaced)
  if job.due <= NOW then
    make_ready(job.id, job, group_of(job.partition))
  else
    local handle = handle_of(job, job.id)
    call('ZADD', BASE .. ':due', job.due, handle)
    count(BASE .. ':scheduled', job.partition, 1)
    if call('ZRANGE', BASE .. ':due', 0, 0)[1] == handle then timers_are_late = true end
  end
end
