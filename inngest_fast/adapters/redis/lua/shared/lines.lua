-- Jobs of a partition with the same counters are a lane, which has its turn. Of these, those that are to pass the same
-- throttle and the same limit on live runs are a line, ordered by score; a lane's next job is the first of a line.
--
-- A lane is named by its partition and its counters, one a row; a line by its lane, an empty row, its throttle, and its
-- run counter. Where there is no counter the lane has the partition's name; where there is nothing to pass the line
-- has the lane's.
--
--   lines:A      lane A's lines with something to pass, each as seq of its first job and its name, by that job's score
--   stand:H/A    those that wait at gate H, instead

local parsed = {}

-- {lane, partition, its keys, what a line of it is to pass: gates}
local function parse(name)
  local it = parsed[name]
  if not it then
    local lane, throttle, run_counter = string.match(name, '^(.-)\n\n(.-)\n(.*)$')
    it = { lane = lane or name, keys = {}, passes = {} }
    for row in string.gmatch(it.lane, '[^\n]+') do
      if it.partition then it.keys[#it.keys + 1] = 'k:' .. row else it.partition = row end
    end
    if lane and throttle ~= '' then it.passes[1] = 't:' .. throttle end
    if lane and run_counter ~= '' then it.passes[#it.passes + 1] = 'r:' .. run_counter end
    parsed[name] = it
  end
  return it
end

-- A job's lane and line.
local function names_of(record)
  if not record.flow then return record.partition, record.partition end
  local flow = flow_of(record)
  local lane = record.partition
  for _, counter in ipairs(flow.counters) do lane = lane .. '\n' .. counter end
  local run_counter = flow.role == ENTERS and flow.run_counter or ''
  if flow.throttle == '' and run_counter == '' then return lane, lane end
  return lane, lane .. '\n\n' .. flow.throttle .. '\n' .. run_counter
end

local function lines_at(lane) return BASE .. ':lines:' .. lane end
local function stand_at(gate, lane) return BASE .. ':stand:' .. gate .. '/' .. lane end

-- The handle and the score of a line's first job.
local function first_of(line)
  local first = call('ZRANGE', ready_of(line), 0, 0, 'WITHSCORES')
  return first[1], first[2]
end

local function seq_of(handle) return tonumber(string.sub(handle, 1, SEQ_DIGITS), 16) end
local function member(line, handle) return string.sub(handle, 1, SEQ_DIGITS) .. line end
local function line_in(member) return string.sub(member, SEQ_DIGITS + 1) end

-- Where a line is by its first job: the key, and the gate that it waits at, if any.
local function standing(line, lane, handle)
  for _, gate in ipairs(parse(line).passes) do
    if call('ZSCORE', stand_at(gate, lane), member(line, handle)) then return stand_at(gate, lane), gate end
  end
  return lines_at(lane)
end

-- Puts a job in. The gate that its line waits at, if any.
local function put_in_line(handle, score, line, lane)
  local first = line ~= lane and first_of(line)
  call('ZADD', ready_of(line), score, handle)
  if line == lane then return nil end
  if not first then
    call('ZADD', lines_at(lane), score, member(line, handle))
    return nil
  end
  local key, gate = standing(line, lane, first)
  if handle == first_of(line) then
    call('ZREM', key, member(line, first))
    call('ZADD', key, score, member(line, handle))
  end
  return gate
end

-- Takes a job out. Whether its line has something to pass and is empty now, and the gate that it waited at, if any.
local function take_out_of_line(handle, line, lane)
  local first = line ~= lane and first_of(line)
  call('ZREM', ready_of(line), handle)
  if handle ~= first then return false end
  local key, gate = standing(line, lane, first)
  local following, score = first_of(line)
  call('ZREM', key, member(line, first))
  if following then call('ZADD', key, score, member(line, following)) end
  return not following, gate
end

-- The line that has a lane's next job, of those that do not wait, and that job's handle; or nothing.
local function next_line(lane)
  local handle, score = first_of(lane)
  local first = call('ZRANGE', lines_at(lane), 0, 0, 'WITHSCORES')
  if not first[1] then return handle and lane, handle end
  local ours, theirs = tonumber(score), tonumber(first[2])
  if handle and (ours < theirs or (ours == theirs and seq_of(handle) < seq_of(first[1]))) then return lane, handle end
  local line = line_in(first[1])
  local its_first = first_of(line)
  if its_first then return line, its_first end
  call('ZREM', lines_at(lane), first[1]) -- its jobs were evicted
  return next_line(lane)
end

local function may_run(lane) return call('EXISTS', ready_of(lane), lines_at(lane)) > 0 end
