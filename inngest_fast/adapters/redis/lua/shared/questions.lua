-- What is asked about jobs that more is asked of.

-- Lanes of a partition that may have something that nothing blocks, about so many.
local function open_lanes(partition, n)
  local found = call('ZRANGE', lanes_of(partition), 0, n - 1)
  for _, gate in ipairs(call('ZRANGE', gates_of(partition), 0, n - 1)) do
    if #found < n and has_room(gate, partition) then
      for _, name in ipairs(call('ZRANGE', wait_at(gate, partition), 0, n - 1)) do
        found[#found + 1] = parse(name).lane
      end
    end
  end
  return found
end

-- A lane's lines with something to pass, wherever they are; about so many.
local function lines_of(lane, n)
  local found = call('ZRANGE', lines_at(lane), 0, n - 1)
  for _, gate in ipairs(call('ZRANGE', gates_of(parse(lane).partition), 0, n - 1)) do
    if #found < n and kind_of(gate) ~= 'k' then
      for _, waiting in ipairs(call('ZRANGE', stand_at(gate, lane), 0, n - 1)) do found[#found + 1] = waiting end
    end
  end
  for i = 1, #found do found[i] = line_in(found[i]) end
  return found
end

-- How many ready jobs of a line go before a job.
local function before(line, handle, score)
  local exact = string.format('%.17g', score)
  local position = call('ZCOUNT', ready_of(line), '-inf', '(' .. exact)
  for _, equal in ipairs(call('ZRANGEBYSCORE', ready_of(line), exact, exact, 'LIMIT', 0, 10 * AT_ONCE)) do
    if seq_of(equal) < seq_of(handle) then position = position + 1 end
  end
  return position
end

-- How many ready jobs of its lane go before a job; of a lane with very many lines, of some of these.
local function position_of(handle, score, lane, line)
  local position = call('ZRANK', ready_of(line), handle) or 0
  if line ~= lane then position = position + before(lane, handle, score) end
  for _, other in ipairs(lines_of(lane, 10 * AT_ONCE)) do
    if other ~= line then position = position + before(other, handle, score) end
  end
  return position
end
