-- node, lease ms, jobs that it is at work on -> ids of those that another has leased, or that have moved on
--
-- What is not here, or not leased, is leased by the node again.
local node, expiry = ARGV[1], server_ms() + tonumber(ARGV[2])
local lost = {}
for i = 3, #ARGV, JOB_FIELDS do
  local job = job_at(i)
  local record = record_of(job.id)
  local owner = call('HGET', OWNERS, job.id)
  local others = owner and not is_of(owner, node)
  if record and (newer(record, job) or (others and not newer(job, record))) then
    lost[#lost + 1] = job.id
  elseif record and owner and not others then
    call('ZADD', LEASES, expiry, job.id)
  else
    if record then take_out(job.id, record) end
    record_new(job)
    lease_to(job.id, job.partition, call('HGET', GROUPS, job.partition), node .. ' 0', expiry)
    list_group(call('HGET', GROUPS, job.partition))
  end
end
return lost
