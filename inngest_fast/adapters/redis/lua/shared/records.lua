-- What is kept of a job.
--include layout

local JOBS = BASE .. ':jobs'
local SEQ_DIGITS = 13

-- A handle puts those that came first first.
local function handle_of(record, id) return string.format('%013x', record.seq) .. id end
local function id_of(handle) return string.sub(handle, SEQ_DIGITS + 1) end

local function record_of(id)
  local packed = call('HGET', JOBS, id)
  if not packed then return nil end
  local r = cmsgpack.unpack(packed)
  local record = {
    seq = r[1], due = r[2], score = r[3], partition = r[4], job = r[5], since = r[6], attempt = r[7]
  }
  if r[8] then record.doubtful = true end
  if r[9] then record.flow = r[9] end
  return record
end

local function keep(id, r)
  local packed = { r.seq, r.due, r.score, r.partition, r.job, r.since, r.attempt }
  if r.doubtful or r.flow then packed[8] = r.doubtful or false end
  packed[9] = r.flow
  call('HSET', JOBS, id, cmsgpack.pack(packed))
end
