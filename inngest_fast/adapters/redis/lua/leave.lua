-- node: its leases go back, and it is waited for no more
local owners, mine = call('HGETALL', OWNERS), ARGV[1] .. ' '
for i = 1, #owners, 2 do
  if string.sub(owners[i + 1], 1, #mine) == mine then put_back(owners[i]) end
end
call('ZREM', NODES, ARGV[1])
call('ZREM', WAITING, ARGV[1])
wake_one()
