-- node, now: its leases go back to where they were
--include owners
--include putting_back
NOW = tonumber(ARGV[2])
local owners = call('HGETALL', OWNERS)
for i = 1, #owners, 2 do
  local record = is_of(owners[i + 1], ARGV[1]) and record_of(owners[i])
  if record then put_back(owners[i], record) end
end
wake(timers_are_late)
