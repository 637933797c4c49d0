-- job, now, node, again: 1 if this may have been done before. In place of what is there of that id.
local job, now, node = job_at(1), tonumber(ARGV[9]), ARGV[10]
local record = record_of(job.id)
if record then
  if newer(record, job) then return end
  if ARGV[11] == '1' and not newer(job, record) then
    local owner = call('HGET', OWNERS, job.id)
    if not owner or not is_of(owner, node) then return end
  end
  take_out(job.id, record)
elseif ARGV[11] == '1' then
  job.doubtful = true
end
put(job, now)
wake_one() -- for the place that it had, whenever the job itself is due
