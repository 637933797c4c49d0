-- node, call, now: what that call leased, and nobody received, goes back to where it was, with what it paid
--include putting_back
NOW = tonumber(ARGV[3])
local owners = call('HGETALL', OWNERS)
for i = 1, #owners, 2 do
  local record = owners[i + 1] == ARGV[1] .. ' ' .. ARGV[2] and record_of(owners[i])
  if record then
    put_back(owners[i], record)
    if record.flow then flow().refund(record) end
  end
end
wake(timers_are_late)
