-- id, since, attempt, now, jobs that come of it, doubt: 1 if these may be over already
--
-- `since` and `attempt` are of the job that is over, or "" if the node does not know it. A later one of that id
-- stays, and so does one that was queued on purpose; one that only may be over is. Who waited for its places
-- goes before what comes of it; but its run keeps its own.
--include removing
NOW = tonumber(ARGV[4])
local id, last = ARGV[1], #ARGV
local since, attempt = tonumber(ARGV[2]), tonumber(ARGV[3])
local record = record_of(id)
local is_over = record and (call('HEXISTS', OWNERS, id) == 1 or (since and record.doubtful))
if is_over and since then
  is_over = record.since < since or (record.since == since and record.attempt <= attempt)
end
local was_leased = is_over and take_out(id, record)
if last > 5 then
  --include replacing
  for i = 5, last - 1, JOB_FIELDS do
    local job = job_at(i)
    local known = record_of(job.id)
    if ARGV[last] == '1' then job.doubtful = true end
    if not known or newer(job, known) then replace(job, known) end
  end
end
if is_over and record.flow then flow().leave(record, was_leased) end
wake(timers_are_late)
