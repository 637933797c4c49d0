-- Jobs that an operation is given.
--include records

local JOB_FIELDS = 9

-- The job that is described from the i-th argument on.
local function job_at(i)
  local job = {
    id = ARGV[i], partition = ARGV[i + 1], group = ARGV[i + 2], due = tonumber(ARGV[i + 3]),
    score = tonumber(ARGV[i + 4]), since = tonumber(ARGV[i + 5]), attempt = tonumber(ARGV[i + 6]),
    job = ARGV[i + 7]
  }
  if ARGV[i + 8] ~= '' then job.flow = ARGV[i + 8] end
  return job
end

-- Whether a is later than b, of the same id.
local function newer(a, b)
  return a.since > b.since or (a.since == b.since and a.attempt > b.attempt)
end
