-- n, now, node, call, lease ms
-- -> jobs, next due time or -1, ms until there is something else to look at or -1, places of the doubtful among the
--    jobs, of those that more is asked of: place, flow, arrival time, place, …;
--    or nothing if the node is not known here: after a flush its limits and leases are gone too
--include clock
--include taking
local n, node, lease_ms = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[5])
local owner = node .. ' ' .. ARGV[4]
local server_now = server_ms()
NOW = tonumber(ARGV[2])

if not call('ZSCORE', BASE .. ':nodes', node) then return false end

local expired = call('ZRANGEBYSCORE', LEASES, '-inf', server_now, 'LIMIT', 0, 10 * AT_ONCE)
if #expired > 0 then
  --include putting_back
  for _, id in ipairs(expired) do
    local record = record_of(id)
    if record then put_back(id, record) end
  end
end

--include promote

-- Seldom there: something to look at again, and, after a flush, what waits until all nodes have had the time to tell
-- what they hold.
local more, settled = false, nil
if call('EXISTS', BASE .. ':opening', BASE .. ':settled') > 0 then
  call('ZREM', LEASES, '') -- a server without memory lets a script go on that has written already
  more = flow().look()
  settled = tonumber(call('GET', BASE .. ':settled'))
end
local settling = settled and server_now < settled
if settled and not settling then
  for _, partition in ipairs(call('ZRANGE', BASE .. ':held', 0, AT_ONCE - 1)) do
    call('ZREM', BASE .. ':held', partition)
    list_partition(partition, group_of(partition))
  end
  if call('EXISTS', BASE .. ':held') == 1 then more = true else call('DEL', BASE .. ':settled') end
end

local jobs, doubtful, asked = {}, {}, {}
local tries = { left = n + AT_ONCE }

local function lease(id, record, group)
  lease_to(id, record, group, owner, server_now + lease_ms)
  if record.doubtful then doubtful[#doubtful + 1] = #jobs end
  if record.flow then
    for _, told in ipairs({ #jobs, record.flow, flow().pay(record) }) do asked[#asked + 1] = told end
  end
  jobs[#jobs + 1] = record.job
end

-- The next job of a partition's only lane, of which nothing more is asked. Keys may be gone one by one where the
-- server evicts: what is left of them is passed over.
local function take_plain(partition, group)
  local handle = call('ZPOPMIN', ready_of(partition))[1]
  local record = handle and record_of(id_of(handle))
  if record then lease(id_of(handle), record, group) end
  local has_more = call('EXISTS', ready_of(partition)) == 1
  if not has_more then call('ZREM', lanes_of(partition), partition) end
  return record, has_more
end

local function has_limits(partition)
  return call('HEXISTS', BASE .. ':functions', (string.gsub(partition, '^local:', ''))) == 1
end

local function take_from_partition(partition, group)
  local taken, has_more = false, nil
  partition_in_turn = partition
  while not taken and tries.left > 0 do
    tries.left = tries.left - 1
    local lanes = call('ZRANGE', lanes_of(partition), 0, 1)
    if not lanes[1] then break end
    local plain = #lanes == 1 and lanes[1] == partition and call('EXISTS', BASE .. ':lines:' .. partition) == 0
    if settling and not (plain and not has_limits(partition)) then
      if call('ZADD', BASE .. ':held', 'NX', next_number(), partition) == 1 then timers_are_late = true end
      partition_in_turn = nil
      return false
    end
    if plain then
      taken, has_more = take_plain(partition, group)
    else
      call('ZREM', lanes_of(partition), lanes[1])
      taken = flow().take(lanes[1], tries, function(id, record) lease(id, record, group) end)
    end
  end
  partition_in_turn = nil
  list_partition(partition, group, has_more)
  return taken
end

while #jobs < n and tries.left > 0 do
  local group = call('ZPOPMIN', TURNS)[1]
  if not group then break end
  group_in_turn = group
  local taken = false
  while not taken and tries.left > 0 do
    local partition = call('ZPOPMIN', turns_of(group))[1]
    if not partition then break end
    taken = take_from_partition(partition, group)
  end
  group_in_turn = nil
  list_group(group)
end

if #jobs > 0 then
  wake(more or timers_are_late) -- there may be more than this one took
  return { jobs, -1, -1, doubtful, asked }
end

if timers_are_late then wake(true) end
call('ZADD', BASE .. ':waiting', next_number(), node)
local due = math.huge
for _, key in ipairs({ BASE .. ':due', BASE .. ':opening' }) do
  due = math.min(due, tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or math.huge)
end
if more or tries.left <= 0 then due = NOW end
local look = tonumber(call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2])
look = look and math.max(look - server_now, 0)
-- A lease that another node takes from now on ends no earlier than this.
if call('ZCARD', BASE .. ':nodes') > 1 then look = math.min(look or lease_ms, lease_ms) end
if settling and call('EXISTS', BASE .. ':held') == 1 then look = math.min(look or lease_ms, settled - server_now) end
return { jobs, due < math.huge and math.max(due, 0) or -1, look or -1, doubtful, asked }
