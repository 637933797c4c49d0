-- id, now
--include removing
NOW = tonumber(ARGV[2])
local record = record_of(ARGV[1])
if record then
  local was_leased = take_out(ARGV[1], record)
  if record.flow then flow().leave(record, was_leased) end
  wake(timers_are_late)
end
