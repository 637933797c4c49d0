-- Gates: what a job has to pass before it is leased. A gate is named by its kind and its counter: k: a keyed limit,
-- t: a throttle, r: a limit on live runs.
--
--   in:k:C   leased jobs that are counted in C
--   in:r:C   run -> how many jobs that are here make it a live one
--   rate:C   the arrival time of throttle C (flow-control §5.1); it expires once it says nothing any more
--
-- A place is taken and given back with the job's row, so that a node that died leaves none behind: its jobs are put
-- back when their leases end. A flush takes the places with the jobs; whoever holds a job takes them again.

-- What a job is to the live runs of its counter. One that passes is to enter, and its run had its place already
-- when it came: it must not wait behind one whose run has none.
local ENTERS, UNDER_WAY, PASSES = 1, 2, 3
local FORGOTTEN_MS = 10000 -- that late a rate expires: the clocks of nodes are not this server's

local function holders_of(gate) return BASE .. ':in:' .. gate end
local function rate_of(counter) return BASE .. ':rate:' .. counter end
local function kind_of(gate) return string.sub(gate, 1, 1) end
local function rule_of(gate) return string.match(gate, '^[^/]*', 3) end

-- Of the function of a partition, by its newest config.
local known = {}
local function limits_of(partition)
  local id = string.gsub(partition, '^local:', '')
  if not known[id] then
    local packed = call('HGET', BASE .. ':functions', id)
    local l = packed and cmsgpack.unpack(packed) or { 0, false, '', 0, 0, {} }
    known[id] = { calls = l[1], paused = l[2], rate = l[3], emission = l[4], cap = l[5], rules = l[6] }
  end
  return known[id]
end

-- What a job is asked; kept apart from the job, which need not be unpacked.
local function flow_of(record)
  if not record.unpacked then
    local f = cmsgpack.unpack(record.flow)
    record.unpacked = { counters = f[1], throttle = f[2], run_counter = f[3], role = f[4], run = f[5] }
  end
  return record.unpacked
end

local function is_to_enter(flow) return flow.role == ENTERS or flow.role == PASSES end

local function limit_at(gate, partition) return limits_of(partition).rules[rule_of(gate)] end

local function use_at(gate) return call(kind_of(gate) == 'k' and 'ZCARD' or 'HLEN', holders_of(gate)) end

-- The first in their order, at most so many.
local function holders(gate, n)
  if kind_of(gate) == 'k' then return call('ZRANGE', holders_of(gate), 0, n - 1) end
  local runs = call('HKEYS', holders_of(gate))
  table.sort(runs)
  return { unpack(runs, 1, math.min(n, #runs)) }
end

-- Throttles. They go by the latest time that any node has told: a clock that is behind must not pull back what has
-- been paid. One that is further behind than clocks differ was set back, and all of them go by it.

local CLOCKS_DIFFER_MS = 10000
local rate_clock

local function rate_now()
  if rate_clock then return rate_clock end
  local latest = tonumber(call('GET', BASE .. ':clock'))
  local set_back = latest and NOW < latest - CLOCKS_DIFFER_MS
  if set_back then
    call('ZADD', BASE .. ':opening', -NOW, 'c:')
    timers_are_late = true
  end
  if latest and NOW <= latest and not set_back then
    rate_clock = latest
  else
    call('SET', BASE .. ':clock', NOW)
    rate_clock = NOW
  end
  return rate_clock
end

local function keep_arrival(counter, arrival)
  call('SET', rate_of(counter), arrival, 'PX', arrival - rate_now() + FORGOTTEN_MS)
end

-- The arrival time to start from.
local function arrival_of(counter, limits)
  local now = rate_now()
  local arrival = tonumber(call('GET', rate_of(counter))) or now
  local latest = now + limits.emission * limits.cap
  if arrival > latest then -- only a clock that was set back, or a new rate, leaves it further ahead
    arrival = latest
    keep_arrival(counter, arrival)
  end
  return math.max(arrival, now)
end

local function binds(limits, counter) return limits.rate ~= '' and limits.rate == rule_of('t:' .. counter) end

-- When a throttle lets the next one pass; nothing if it does not bind the function.
local function opens_at(counter, limits)
  if not binds(limits, counter) then return nil end
  return arrival_of(counter, limits) + limits.emission - limits.emission * limits.cap
end

-- The arrival time that a job that is leased brings its throttle to; 0 if it pays nothing.
local function pay(record)
  local counter, limits = flow_of(record).throttle, limits_of(record.partition)
  if counter == '' or not binds(limits, counter) then return 0 end
  local arrival = arrival_of(counter, limits) + limits.emission
  keep_arrival(counter, arrival)
  return arrival
end

-- Whether one more of a partition may pass; and of a throttle that is closed, when.
local function has_room(gate, partition)
  if kind_of(gate) == 't' then
    local at = opens_at(string.sub(gate, 3), limits_of(partition))
    return not at or at <= rate_now(), at
  end
  local limit = limit_at(gate, partition)
  return not limit or use_at(gate) < limit
end

-- A run that has its place passes.
local function is_live(gate, record) return call('HEXISTS', holders_of(gate), flow_of(record).run) == 1 end

-- Places

local function occupy(id, record)
  local flow = flow_of(record)
  for _, counter in ipairs(flow.counters) do call('ZADD', holders_of('k:' .. counter), 0, id) end
  if is_to_enter(flow) then count(holders_of('r:' .. flow.run_counter), flow.run, 1) end
end

-- A run under way has its place from when its job is here.
local function enter(record)
  local flow = flow_of(record)
  if flow.role == UNDER_WAY then count(holders_of('r:' .. flow.run_counter), flow.run, 1) end
end

-- Whether the run of a job that is to enter has its place by other jobs than the leased one that it replaces.
local function judge(record, replaced)
  local flow = flow_of(record)
  if not is_to_enter(flow) then return end
  local jobs = tonumber(call('HGET', holders_of('r:' .. flow.run_counter), flow.run) or '0')
  local before = replaced and replaced.flow and flow_of(replaced)
  if before and before.role ~= 0 and before.run_counter == flow.run_counter and before.run == flow.run then
    jobs = jobs - 1
  end
  local role = jobs > 0 and PASSES or ENTERS
  if role == flow.role then return end
  flow.role = role
  record.flow = cmsgpack.pack({ flow.counters, flow.throttle, flow.run_counter, flow.role, flow.run })
end
