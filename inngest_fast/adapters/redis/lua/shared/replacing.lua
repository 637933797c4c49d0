--include adding
--include removing

-- In place of one of its id that is known.
local function replace(job, record)
  local was_leased = record and take_out(job.id, record)
  put(job, was_leased and record)
  if record and record.flow then flow().leave(record, was_leased) end
end
