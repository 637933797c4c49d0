-- Places that are given back, and what was paid: whoever waits for it has a chance now.

-- The counters that a leased job was in have one less.
local function vacate(id, record)
  local counters = flow_of(record).counters
  for _, counter in ipairs(counters) do call('ZREM', holders_of('k:' .. counter), id) end
  for _, counter in ipairs(counters) do open('k:' .. counter) end
end

local function one_less(flow)
  local gate = 'r:' .. flow.run_counter
  if count(holders_of(gate), flow.run, -1) <= 0 then open(gate) end
end

-- The run of a job that is here no more has one less.
local function leave(record, was_leased)
  local flow = flow_of(record)
  if flow.role == UNDER_WAY or (was_leased and is_to_enter(flow)) then one_less(flow) end
end

-- The run of a job that is put back may not have begun.
local function step_back(record)
  local flow = flow_of(record)
  if is_to_enter(flow) then one_less(flow) end
  judge(record)
end

-- What was paid for a job that nobody got.
local function refund(record)
  local counter, limits = flow_of(record).throttle, limits_of(record.partition)
  local arrival = counter ~= '' and binds(limits, counter) and tonumber(call('GET', rate_of(counter)))
  if arrival then
    keep_arrival(counter, math.max(arrival - limits.emission, rate_now()))
    open('t:' .. counter)
  end
end

-- What was paid elsewhere: the later arrival time counts.
local function restore(counter, arrival)
  if arrival <= math.max(tonumber(call('GET', rate_of(counter))) or 0, rate_now()) then return end
  keep_arrival(counter, arrival)
  open('t:' .. counter)
end
