-- node, lease ms, ids -> those that the node no longer holds
local server_now = server_ms()
local mine, lost = ARGV[1] .. ' ', {}
call('ZADD', NODES, 'XX', server_now, ARGV[1])
for i = 3, #ARGV do
  local owner = call('HGET', OWNERS, ARGV[i])
  if owner and string.sub(owner, 1, #mine) == mine then
    call('ZADD', LEASES, server_now + tonumber(ARGV[2]), ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
