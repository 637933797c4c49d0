-- node, lease ms, now, jobs that it is at work on -> ids of those that another has leased, or that have moved on
--
-- What is not here, or not leased, is leased by the node again, and takes its places, full or not.
--include clock
--include owners
--include adding
--include removing
--include taking
local node, expiry = ARGV[1], server_ms() + tonumber(ARGV[2])
NOW = tonumber(ARGV[3])
local lost = {}
for i = 4, #ARGV, JOB_FIELDS do
  local job = job_at(i)
  local record = record_of(job.id)
  local owner = call('HGET', OWNERS, job.id)
  local others = owner and not is_of(owner, node)
  if record and (newer(record, job) or (others and not newer(job, record))) then
    lost[#lost + 1] = job.id
  elseif record and owner and not others then
    call('ZADD', LEASES, expiry, job.id)
  else
    local was_leased = record and take_out(job.id, record)
    record_new(job)
    local group = group_of(job.partition)
    lease_to(job.id, job, group, node .. ' 0', expiry)
    if record and record.flow then flow().leave(record, was_leased) end
    list_partition(job.partition, group)
  end
end
wake(timers_are_late)
return lost
