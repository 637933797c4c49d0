-- What every operation knows of the queue's layout. KEYS[1] is "{prefix}": one hash slot for all keys.
--
--   jobs       id -> packed {seq, due, score, partition, job, since, attempt, doubtful or nothing}
--   due        scheduled jobs, by due time
--   ready:P    ready jobs of partition P, by score, then first come
--   leases     leased ids, by expiry on this server's clock
--   owners     leased id -> "node call"
--   groups     partition -> its group, while it has a job
--   turns      groups that have a place and a ready job; turns:G those partitions of group G
--   waiting    nodes that wait to be woken; nodes: all, by last sign of life
--   topic:T    channel of ports.pubsub; wake, wake:N: channels for all nodes, and for node N

local BASE = KEYS[1]
local JOBS, DUE, LEASES, OWNERS = BASE .. ':jobs', BASE .. ':due', BASE .. ':leases', BASE .. ':owners'
local GROUPS, LIMITS, SCHEDULED = BASE .. ':groups', BASE .. ':limits', BASE .. ':scheduled'
local PARTITION_USE, GROUP_USE = BASE .. ':use:partition', BASE .. ':use:group'
local TURNS, COUNTER = BASE .. ':turns', BASE .. ':counter'
local WAITING, NODES, WAKE = BASE .. ':waiting', BASE .. ':nodes', BASE .. ':wake'

local SEQ_DIGITS = 13
local JOB_FIELDS = 8
local PROMOTED_AT_ONCE = 1000
local NODE_LEASES = 10 -- a node silent for so many leases is forgotten
local call = redis.call

local function ready_of(partition) return BASE .. ':ready:' .. partition end
local function turns_of(group) return BASE .. ':turns:' .. group end
local function next_number() return call('INCR', COUNTER) end
local function handle_of(seq, id) return string.format('%013x', seq) .. id end
local function id_of(handle) return string.sub(handle, SEQ_DIGITS + 1) end

local function server_ms()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function record_of(id)
  local packed = call('HGET', JOBS, id)
  if not packed then return nil end
  local r = cmsgpack.unpack(packed)
  return {
    seq = r[1], due = r[2], score = r[3], partition = r[4], job = r[5], since = r[6], attempt = r[7], doubtful = r[8]
  }
end

local function keep(id, r)
  call('HSET', JOBS, id, cmsgpack.pack({ r.seq, r.due, r.score, r.partition, r.job, r.since, r.attempt, r.doubtful }))
end

-- The job that is described from the i-th argument on.
local function job_at(i)
  return {
    id = ARGV[i], partition = ARGV[i + 1], group = ARGV[i + 2], due = tonumber(ARGV[i + 3]),
    score = tonumber(ARGV[i + 4]), since = tonumber(ARGV[i + 5]), attempt = tonumber(ARGV[i + 6]), job = ARGV[i + 7]
  }
end

-- Whether a is later than b, of the same id.
local function newer(a, b)
  return a.since > b.since or (a.since == b.since and a.attempt > b.attempt)
end

local function is_of(owner, node) return string.sub(owner, 1, #node + 1) == node .. ' ' end

local function count(key, field, by)
  if call('HINCRBY', key, field, by) == 0 then call('HDEL', key, field) end
end

local function limit_of(group)
  local limit = call('HGET', LIMITS, group)
  return limit and tonumber(limit), tonumber(call('HGET', GROUP_USE, group) or '0')
end

local function full(group)
  local limit, in_use = limit_of(group)
  return limit and in_use >= limit
end

-- Turns: `turns` names exactly the groups from which something could be leased now.

local function list_group(group)
  if call('EXISTS', turns_of(group)) == 1 and not full(group) then
    call('ZADD', TURNS, 'NX', next_number(), group)
  else
    call('ZREM', TURNS, group)
  end
end

local function list_partition(partition, group)
  if call('EXISTS', ready_of(partition)) == 1 then
    call('ZADD', turns_of(group), 'NX', next_number(), partition)
  else
    call('ZREM', turns_of(group), partition)
    if call('HEXISTS', PARTITION_USE, partition) == 0 and call('HEXISTS', SCHEDULED, partition) == 0 then
      call('HDEL', GROUPS, partition)
    end
  end
  list_group(group)
end

-- Waking: whoever waits is in `waiting`, and leaves it with the message. After a flush nobody is there;
-- then all are told, and come back.

local function wake_one()
  if call('EXISTS', TURNS) == 0 then return end
  while true do
    local node = call('ZPOPMIN', WAITING)[1]
    if not node then
      if call('EXISTS', NODES) == 0 then call('PUBLISH', WAKE, '') end
      return
    end
    if call('PUBLISH', WAKE .. ':' .. node, '') > 0 then return end
  end
end

local function wake_all()
  if call('EXISTS', WAITING) == 0 and call('EXISTS', NODES) == 1 then return end
  call('DEL', WAITING)
  call('PUBLISH', WAKE, '')
end

-- Places

local function make_ready(id, record)
  call('ZADD', ready_of(record.partition), record.score, handle_of(record.seq, id))
end

local function promote(now)
  local handles = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, PROMOTED_AT_ONCE)
  if #handles == 0 then return end
  call('ZREM', DUE, unpack(handles))
  for _, handle in ipairs(handles) do
    local id = id_of(handle)
    local record = record_of(id)
    if record then
      count(SCHEDULED, record.partition, -1)
      make_ready(id, record)
      list_partition(record.partition, call('HGET', GROUPS, record.partition))
    end
  end
end

local function record_new(job)
  job.seq = next_number()
  keep(job.id, job)
  call('HSETNX', GROUPS, job.partition, job.group)
end

local function put(job, now)
  record_new(job)
  local id, partition = job.id, job.partition
  if job.due <= now then
    make_ready(id, job)
    list_partition(partition, call('HGET', GROUPS, partition))
    wake_one()
  else
    local handle = handle_of(job.seq, id)
    call('ZADD', DUE, job.due, handle)
    count(SCHEDULED, partition, 1)
    if call('ZRANGE', DUE, 0, 0)[1] == handle then wake_all() end -- their timers are set too late
  end
end

local function lease_to(id, partition, group, owner, expiry)
  call('ZADD', LEASES, expiry, id)
  call('HSET', OWNERS, id, owner)
  call('HINCRBY', PARTITION_USE, partition, 1)
  call('HINCRBY', GROUP_USE, group, 1)
end

-- Frees the place of a job that is no longer leased. False if it was not.
local function unlease(id, partition)
  if call('HDEL', OWNERS, id) == 0 then return false end
  call('ZREM', LEASES, id)
  count(PARTITION_USE, partition, -1)
  count(GROUP_USE, call('HGET', GROUPS, partition), -1)
  return true
end

-- To where it was before it was leased; but it may have been done.
local function put_back(id)
  local record = record_of(id)
  if record and unlease(id, record.partition) then
    if not record.doubtful then
      record.doubtful = true
      keep(id, record)
    end
    make_ready(id, record)
    list_partition(record.partition, call('HGET', GROUPS, record.partition))
  end
end

local function take_out(id, record)
  call('HDEL', JOBS, id)
  local group = call('HGET', GROUPS, record.partition)
  if not unlease(id, record.partition) then
    local handle = handle_of(record.seq, id)
    if call('ZREM', DUE, handle) == 1 then
      count(SCHEDULED, record.partition, -1)
    else
      call('ZREM', ready_of(record.partition), handle)
    end
  end
  list_partition(record.partition, group)
end
