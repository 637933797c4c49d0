-- now -> partition, scheduled, ready, leased; partition, …
promote(tonumber(ARGV[1]))
local depth = {}
for _, partition in ipairs(call('HKEYS', GROUPS)) do
  depth[#depth + 1] = partition
  depth[#depth + 1] = tonumber(call('HGET', SCHEDULED, partition) or '0')
  depth[#depth + 1] = call('ZCARD', ready_of(partition))
  depth[#depth + 1] = tonumber(call('HGET', PARTITION_USE, partition) or '0')
end
return depth
