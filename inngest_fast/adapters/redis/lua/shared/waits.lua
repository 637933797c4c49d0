-- Whoever finds a gate closed, a lane at a key, else a line, waits there, in no turn, until it is let go. Then it is
-- back in its turn, and has the chance until that turn is over: it may take the place, find the gate closed again
-- (then it stays the first to wait), be blocked by something else, or be dropped. The chance then goes on, so one
-- at a time is enough. Each partition has a chance of its own: what keeps one from using it is nothing to another.
--
--   wait:H/P     lanes of partition P that wait at gate H, or have lines that do (these take turns), the first first;
--                at -inf the lane or line that has the chance
--   waits:H      partitions that have any there; whose partition got a place goes behind the others
--   gates:P      gates at which partition P has any
--   chances:A    gates at which a line of lane A has the chance
--
-- All of these go with the last that waits. In `opening` are gates, by when they let one pass; and what is done
-- piece by piece: see pieces.lua.

local OPENING = BASE .. ':opening'
local looked_for = {} -- what will be looked at again

local function wait_at(gate, partition) return BASE .. ':wait:' .. gate .. '/' .. partition end
local function waits_at(gate) return BASE .. ':waits:' .. gate end
local function gates_of(partition) return BASE .. ':gates:' .. partition end
local function chances_of(lane) return BASE .. ':chances:' .. lane end

-- Something is to be looked at again.
local function look_again(what, at)
  local before = tonumber(call('ZSCORE', OPENING, what))
  looked_for[what] = true
  if before == at then return end
  call('ZADD', OPENING, at, what)
  if before and before < at then return end
  if call('ZRANGE', OPENING, 0, 0)[1] == what then timers_are_late = true end
end

local function waits_for_key(lane)
  local it = parse(lane)
  for _, gate in ipairs(it.keys) do
    local at = call('ZSCORE', wait_at(gate, it.partition), lane)
    if at and at ~= '-inf' then return true end
  end
  return false
end

-- In its turn exactly if it does not wait and has something that does not.
local function list_lane(lane)
  local partition = parse(lane).partition
  local changed
  if may_run(lane) then
    changed = call('ZADD', lanes_of(partition), 'NX', next_number(), lane)
  else
    changed = call('ZREM', lanes_of(partition), lane)
  end
  if changed == 1 then list_partition(partition, group_of(partition)) end
end

-- A lane that was let go has its chance, if it has anything.
local function go(lane, gate, partition)
  if not may_run(lane) then
    call('ZREM', wait_at(gate, partition), lane)
    return false
  end
  call('ZADD', wait_at(gate, partition), '-inf', lane)
  list_lane(lane)
  return true
end

-- The first line of a lane is let go; others of the lane go behind other lanes. It has its chance unless its whole
-- lane waits for something else.
local function go_from(lane, gate, partition)
  local key, stand = wait_at(gate, partition), stand_at(gate, lane)
  local first = call('ZRANGE', stand, 0, 0, 'WITHSCORES')
  if first[1] then call('ZREM', stand, first[1]) end
  if call('EXISTS', stand) == 1 then call('ZADD', key, next_number(), lane) else call('ZREM', key, lane) end
  if not first[1] then return false end
  call('ZADD', lines_at(lane), first[2], first[1])
  if waits_for_key(lane) then return false end
  call('ZADD', key, '-inf', line_in(first[1]))
  call('ZADD', chances_of(lane), next_number(), gate)
  list_lane(lane)
  return true
end

-- Lets one of a partition go, if there is room and none has the chance.
local function let_go(gate, partition)
  local key = wait_at(gate, partition)
  for _ = 1, AT_ONCE do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if not first[1] then
      call('ZREM', waits_at(gate), partition)
      call('ZREM', gates_of(partition), gate)
      if call('EXISTS', waits_at(gate)) == 0 then call('ZREM', OPENING, gate) end
      return
    end
    if first[2] == '-inf' then return end
    local room, at = has_room(gate, partition)
    if not room then
      if at then look_again(gate, at) end
      return
    end
    if (kind_of(gate) == 'k' and go or go_from)(first[1], gate, partition) then return end
  end
  look_again(gate, 0)
end

-- There may be room.
local function open(gate)
  for _, partition in ipairs(call('ZRANGE', waits_at(gate), 0, -1)) do let_go(gate, partition) end
end

-- Whoever had the chance has it no more, or waits no more.
local function forget(name, gate, partition)
  if call('ZREM', wait_at(gate, partition), name) == 1 then let_go(gate, partition) end
end

local function end_chance(name, gate, partition)
  if call('ZSCORE', wait_at(gate, partition), name) == '-inf' then forget(name, gate, partition) end
end

-- A lane waits, as itself or for lines of it: the first of all if it had the chance.
local function park(lane, gate, partition, had_chance)
  local key, n = wait_at(gate, partition), next_number()
  if had_chance then call('ZADD', key, -n, lane) else call('ZADD', key, 'NX', n, lane) end
  call('ZADD', waits_at(gate), 'NX', n, partition)
  call('ZADD', gates_of(partition), 'NX', n, gate)
end

-- The first of a lane's keys that has no room; or nothing.
local function closed_key(lane)
  local it = parse(lane)
  for _, gate in ipairs(it.keys) do
    if not has_room(gate, it.partition) then return gate end
  end
end

-- What a job of a line cannot pass, and when it opens if that is known; or nothing.
local function closed_to(record, line)
  local it = parse(line)
  for _, gate in ipairs(it.passes) do
    local room, at = has_room(gate, it.partition)
    if not room and not (kind_of(gate) == 'r' and is_live(gate, record)) then return gate, at end
  end
end

-- A line whose first job cannot pass a gate waits there.
local function stand_back(line, lane, gate, at)
  local it = parse(line)
  local partition = it.partition
  local handle, score = first_of(line)
  call('ZREM', lines_at(lane), member(line, handle))
  call('ZADD', stand_at(gate, lane), score, member(line, handle))
  local had_chance = call('ZREM', wait_at(gate, partition), line) == 1
  park(lane, gate, partition, had_chance)
  for _, passed in ipairs(it.passes) do
    if passed == gate and had_chance then
      call('ZREM', chances_of(lane), gate)
    elseif passed ~= gate and call('ZREM', wait_at(passed, partition), line) == 1 then
      call('ZREM', chances_of(lane), passed)
      let_go(passed, partition)
    end
  end
  if at then look_again(gate, at) end
end

-- A lane's next job that may pass, as id, record and line; the lines before it are left to wait.
local function next_in(lane, tries)
  while tries.left > 0 do
    tries.left = tries.left - 1
    local line, handle = next_line(lane)
    if not line then return nil end
    local id = id_of(handle)
    local record = record_of(id)
    local gate, at
    if record and line ~= lane then gate, at = closed_to(record, line) end
    if gate then
      stand_back(line, lane, gate, at)
    else
      take_out_of_line(handle, line, lane)
      if record then return id, record, line end
    end
  end
end

-- Those of a lane's lines that had a chance had it.
local function end_chances(lane, partition)
  for _ = 1, AT_ONCE do
    local gate = call('ZPOPMIN', chances_of(lane))[1]
    if not gate then return end
    local first = call('ZRANGE', wait_at(gate, partition), 0, 0, 'WITHSCORES')
    if first[2] == '-inf' then end_chance(first[1], gate, partition) end
  end
  look_again('l:' .. lane, 0)
end

-- Who got a place goes behind the others.
local function served(gate, partition) call('ZADD', waits_at(gate), 'XX', next_number(), partition) end

-- A lane's turn: its next job that nothing blocks is leased. Whether there was one.
local function take(lane, tries, lease)
  local it = parse(lane)
  local gate = closed_key(lane)
  local id, record, line
  if gate then
    park(lane, gate, it.partition, call('ZSCORE', wait_at(gate, it.partition), lane) == '-inf')
  else
    id, record, line = next_in(lane, tries)
  end
  if id then
    lease(id, record)
    for _, key in ipairs(it.keys) do served(key, it.partition) end
    for _, passed in ipairs(parse(line).passes) do served(passed, it.partition) end
  end
  for _, key in ipairs(it.keys) do end_chance(lane, key, it.partition) end
  end_chances(lane, it.partition)
  if not gate then list_lane(lane) end
  return id ~= nil
end

-- A job is ready.
local function put(id, record)
  local lane, line = names_of(record)
  local gate = put_in_line(handle_of(record, id), record.score, line, lane)
  if gate and kind_of(gate) == 't' then
    -- The clock may have gone back since it was found out when the throttle opens.
    local room, at = has_room(gate, record.partition)
    if room then at = rate_now() end
    if at < (tonumber(call('ZSCORE', OPENING, gate)) or math.huge) then look_again(gate, at) end
  end
  if not waits_for_key(lane) then list_lane(lane) end
end

-- A ready job is there no more.
local function take_out(id, record)
  local lane, line = names_of(record)
  local partition = record.partition
  local empty, gate = take_out_of_line(handle_of(record, id), line, lane)
  if empty and gate then
    if call('EXISTS', stand_at(gate, lane)) == 0 then forget(lane, gate, partition) end
  elseif empty then
    for _, passed in ipairs(parse(line).passes) do
      if call('ZREM', wait_at(passed, partition), line) == 1 then
        call('ZREM', chances_of(lane), passed)
        let_go(passed, partition)
      end
    end
  end
  if not may_run(lane) then
    -- Its chance goes on first: so the partition keeps its turn if it goes to another lane of it.
    for _, key in ipairs(parse(lane).keys) do forget(lane, key, partition) end
    list_lane(lane)
  end
end
