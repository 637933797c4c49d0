-- job, now, doubt: 1 if it may be over already -> 1, or 0 if the id is known, and not of an earlier job
--include adding
NOW = tonumber(ARGV[JOB_FIELDS + 1])
local job = job_at(1)
local record = record_of(job.id)
if ARGV[JOB_FIELDS + 2] == '1' then job.doubtful = true end
if not record then
  put(job)
elseif newer(job, record) then
  --include replacing
  replace(job, record)
else
  return 0
end
wake(timers_are_late)
return 1
