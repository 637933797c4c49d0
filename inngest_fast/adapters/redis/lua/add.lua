-- job, now, doubt: 1 if it may be over already -> 1, or 0 if the id is known, and not of an earlier job
local job, now = job_at(1), tonumber(ARGV[9])
local record = record_of(job.id)
if record then
  if not newer(job, record) then return 0 end
  take_out(job.id, record)
end
if ARGV[10] == '1' then job.doubtful = true end
put(job, now)
return 1
