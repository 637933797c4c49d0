-- id, now, how many holders are shown
-- -> state, due, score, position, what blocks it, that limit, how much of it is in use, counter, when it opens,
--    holders; or nothing
--include leases
NOW = tonumber(ARGV[2])
--include promote
local id = ARGV[1]
local record = record_of(id)
if not record then return false end

local function place(state, position, blocked_by, limit, in_use, counter, opens_at, holders)
  return {
    state, record.due, record.score, position or 0, blocked_by or '', limit or 0, in_use or 0, counter or '',
    opens_at or 0, holders or {}
  }
end

if call('HEXISTS', OWNERS, id) == 1 then return place('leased') end
local handle = handle_of(record, id)
if call('ZSCORE', BASE .. ':due', handle) then return place('scheduled') end

local partition = record.partition
local lane, line = flow().names_of(record)
local position = flow().position_of(handle, record.score, lane, line)
local in_partition, in_group = 'p:' .. partition, 'g:' .. group_of(partition)

local partition_is_full, paused = full(in_partition), flow().limits_of(partition).paused
if partition_is_full and paused then return place('ready', position, 'paused') end
if full(in_group) then return place('ready', position, 'app', limits[in_group], uses[in_group]) end
if partition_is_full then return place('ready', position, 'function', limits[in_partition], uses[in_partition]) end
local gate, at = flow().closed_key(lane)
if not gate then gate, at = flow().closed_to(record, line) end
if not gate then return place('ready', position) end
local kind, counter = string.sub(gate, 1, 1), string.sub(gate, 3)
if kind == 't' then return place('ready', position, 'throttle', 0, 0, counter, at) end
return place(
  'ready', position, kind == 'k' and 'key' or 'runs', flow().limit_at(gate, partition), flow().use_at(gate), counter,
  0, flow().holders(gate, tonumber(ARGV[3]))
)
