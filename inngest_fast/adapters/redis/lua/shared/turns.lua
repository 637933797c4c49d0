-- Turns within turns: groups take turns, in a group its partitions, in a partition its lanes. A group or a
-- partition that is full, or has nothing in turn, is in no turn.
--include layout

local TURNS = BASE .. ':turns'

-- The group and the partition whose turn it is: they are listed when it is over.
local group_in_turn, partition_in_turn

local function ready_of(line) return BASE .. ':ready:' .. line end
local function lanes_of(partition) return BASE .. ':lanes:' .. partition end
local function turns_of(group) return BASE .. ':turns:' .. group end
local function group_of(partition) return call('HGET', BASE .. ':groups', partition) or '' end

-- Of p:partition or g:group: how many of its jobs may be leased, or false, and how many are.
local limits, uses = {}, {}
local function full(whose)
  if limits[whose] == nil then limits[whose] = tonumber(call('HGET', BASE .. ':limits', whose)) or false end
  if not limits[whose] then return false end
  if not uses[whose] then uses[whose] = tonumber(call('HGET', BASE .. ':use', whose) or '0') end
  return uses[whose] >= limits[whose]
end

-- `has_turns` is true if that is known.
local function list_group(group, has_turns)
  if group == group_in_turn then return end
  if (has_turns or call('EXISTS', turns_of(group)) == 1) and not full('g:' .. group) then
    call('ZADD', TURNS, 'NX', next_number(), group)
  else
    call('ZREM', TURNS, group)
  end
end

local function list_partition(partition, group, has_turns)
  if partition == partition_in_turn then return end
  has_turns = (has_turns or call('EXISTS', lanes_of(partition)) == 1) and not full('p:' .. partition)
  if has_turns then
    call('ZADD', turns_of(group), 'NX', next_number(), partition)
  else
    call('ZREM', turns_of(group), partition)
  end
  list_group(group, has_turns)
end
