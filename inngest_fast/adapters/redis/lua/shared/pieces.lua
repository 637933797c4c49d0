-- What may be too much for one script is done piece by piece. What is left of it is in `opening`, below zero: p:P
-- gates of partition P from before a number, l:A chances of lane A, c: throttles that open later than a time.

-- Gates of a partition, whose limits have changed, from before a number.
local function open_all(partition, before)
  local some = call('ZRANGEBYSCORE', gates_of(partition), '-inf', before, 'LIMIT', 0, AT_ONCE)
  for _, gate in ipairs(some) do
    call('ZADD', gates_of(partition), 'XX', next_number(), gate)
    let_go(gate, partition)
  end
  if #some == AT_ONCE then look_again('p:' .. partition, -before) end
end

-- Throttles that were to open later than a time: the clock was set back.
local function open_later_than(time)
  local some = call('ZRANGEBYSCORE', OPENING, '(' .. time, '+inf', 'WITHSCORES', 'LIMIT', 0, AT_ONCE)
  for i = 1, #some, 2 do open(some[i]) end
  if #some == 2 * AT_ONCE then look_again('c:', -tonumber(some[#some])) end
end

-- What is due in `opening`. Whether there is more to do at once.
local function look()
  local now = rate_now()
  local due = call('ZRANGEBYSCORE', OPENING, '-inf', now, 'WITHSCORES', 'LIMIT', 0, AT_ONCE)
  for i = 1, #due, 2 do
    local what, at = due[i], due[i + 1]
    local kind, name = string.sub(what, 1, 2), string.sub(what, 3)
    looked_for[what] = nil
    if kind == 'p:' then
      open_all(name, -tonumber(at))
    elseif kind == 'l:' then
      end_chances(name, parse(name).partition)
    elseif kind == 'c:' then
      open_later_than(string.sub(at, 2))
    else
      open(what)
    end
    if not looked_for[what] then call('ZREM', OPENING, what) end
  end
  return call('ZCOUNT', OPENING, '-inf', now) > 0
end
