-- node, lease ms, settle ms -> 1 if no other node is here, or has been for the time of a lease
--include clock
--include waking
local NODE_LEASES = 10 -- a node silent for so many leases is forgotten
local NODES = BASE .. ':nodes'
local node, server_now, lease_ms, settle_ms = ARGV[1], server_ms(), tonumber(ARGV[2]), tonumber(ARGV[3])
if call('EXISTS', BASE .. ':begun') == 0 then
  call('SET', BASE .. ':begun', server_now)
  -- Others may be at work on jobs that are not here yet.
  if settle_ms > 0 then call('SET', BASE .. ':settled', server_now + settle_ms) end
end
local new = call('ZADD', NODES, server_now, node) == 1
if not new then return 0 end
call('ZREMRANGEBYSCORE', NODES, '-inf', server_now - NODE_LEASES * lease_ms)
local first = call('ZCOUNT', NODES, server_now - lease_ms, '+inf') == 1
if first then
  call('DEL', BASE .. ':waiting')
  call('PUBLISH', BASE .. ':wake', 'lost') -- whoever hears this was here before
else
  wake(true) -- the others look after its leases from now on
end
return first and 1 or 0
