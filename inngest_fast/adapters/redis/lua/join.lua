-- node, lease ms -> 1 if no other node is here, or has been for the time of a lease
local node, server_now, lease_ms = ARGV[1], server_ms(), tonumber(ARGV[2])
local new = call('ZADD', NODES, server_now, node) == 1
if not new then return 0 end
call('ZREMRANGEBYSCORE', NODES, '-inf', server_now - NODE_LEASES * lease_ms)
local first = call('ZCOUNT', NODES, server_now - lease_ms, '+inf') == 1
if first then
  call('DEL', WAITING)
  call('PUBLISH', WAKE, 'lost') -- whoever hears this was here before
else
  wake_all() -- the others look after its leases from now on
end
return first and 1 or 0
