-- n, now, node, call, lease ms
-- -> jobs, next due time or -1, ms until the leases are worth a look or -1, places of the doubtful among the jobs;
--    or nothing if the node is not known here: after a flush its limits and leases are gone too
local n, now, node, lease_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[5])
local owner = node .. ' ' .. ARGV[4]
local server_now = server_ms()

if not call('ZSCORE', NODES, node) then return false end

for _, id in ipairs(call('ZRANGEBYSCORE', LEASES, '-inf', server_now, 'LIMIT', 0, PROMOTED_AT_ONCE)) do
  put_back(id)
end
promote(now)

local jobs, doubtful = {}, {}
while #jobs < n do
  local group = call('ZPOPMIN', TURNS)[1]
  if not group then break end
  -- Keys may be gone one by one where the server evicts: what is left of them is passed over.
  local partition = call('ZPOPMIN', turns_of(group))[1]
  local handle = partition and call('ZPOPMIN', ready_of(partition))[1]
  local id = handle and id_of(handle)
  local record = id and record_of(id)
  if record then
    lease_to(id, partition, group, owner, server_now + lease_ms)
    if record.doubtful then doubtful[#doubtful + 1] = #jobs end
    jobs[#jobs + 1] = record.job
  end
  if partition then list_partition(partition, group) else list_group(group) end
end

if #jobs > 0 then
  wake_one() -- there may be more than this one took
  return { jobs, -1, -1, doubtful }
end

call('ZADD', WAITING, next_number(), node)
local first = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2]
local expiry = call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]
local look = expiry and math.max(tonumber(expiry) - server_now, 0) or -1
-- A lease that another node takes from now on ends no earlier than this.
if call('ZCARD', NODES) > 1 and (look < 0 or look > lease_ms) then look = lease_ms end
return { jobs, first and tonumber(first) or -1, look, doubtful }
