-- job, now, node, again: 1 if this may have been done before. In place of what is there of that id.
--include owners
--include replacing
NOW = tonumber(ARGV[JOB_FIELDS + 1])
local job, node, again = job_at(1), ARGV[JOB_FIELDS + 2], ARGV[JOB_FIELDS + 3] == '1'
local record = record_of(job.id)
if record then
  if newer(record, job) then return end
  if again and not newer(job, record) then
    local owner = call('HGET', OWNERS, job.id)
    if not owner or not is_of(owner, node) then return end
  end
elseif again then
  job.doubtful = true
end
replace(job, record)
wake(timers_are_late) -- for the place that it had, whenever the job itself is due
