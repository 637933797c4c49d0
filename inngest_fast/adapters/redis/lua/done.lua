-- id[, since, attempt]: the job that is over, if the node knows it. A later one of that id stays, and so does
-- one that was queued on purpose; one that only may be over is.
local id = ARGV[1]
local record = record_of(id)
if not record then return end
local known = ARGV[2] and { since = tonumber(ARGV[2]), attempt = tonumber(ARGV[3]) }
if known and newer(record, known) then return end
if call('HEXISTS', OWNERS, id) == 0 and not (known and record.doubtful) then return end
take_out(id, record)
wake_one()
