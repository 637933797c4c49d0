-- node: its leases go back to where they were
local owners = call('HGETALL', OWNERS)
for i = 1, #owners, 2 do
  if is_of(owners[i + 1], ARGV[1]) then put_back(owners[i]) end
end
wake_one()
