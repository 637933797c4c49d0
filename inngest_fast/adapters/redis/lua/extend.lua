-- node, lease ms, ids -> {those that the node does not hold, why changes are refused or ""};
--    or nothing if the node is not known here
--include clock
--include owners
local NODES = BASE .. ':nodes'
local node, server_now = ARGV[1], server_ms()
if not call('ZSCORE', NODES, node) then return false end
local answer = redis.pcall('ZADD', NODES, server_now, node)
local refusal = type(answer) == 'table' and answer.err or ''
-- What follows needs no memory, and a script is free to go on once it has written.
if refusal ~= '' then call('ZREM', NODES, '') end
call('ZADD', NODES, server_now, node)
local lost = {}
for i = 3, #ARGV do
  local owner = call('HGET', BASE .. ':owners', ARGV[i])
  if owner and is_of(owner, node) then
    call('ZADD', BASE .. ':leases', server_now + tonumber(ARGV[2]), ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return { lost, refusal }
