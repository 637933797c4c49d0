-- now -> partition, scheduled, ready, leased; partition, …
--include flow
NOW = tonumber(ARGV[1])
--include promote
local depth = {}
local sizes = call('HGETALL', BASE .. ':sizes')
for i = 1, #sizes, 2 do
  local partition = sizes[i]
  local scheduled = tonumber(call('HGET', BASE .. ':scheduled', partition) or '0')
  local leased = tonumber(call('HGET', BASE .. ':use', 'p:' .. partition) or '0')
  for _, told in ipairs({ partition, scheduled, sizes[i + 1] - scheduled - leased, leased }) do
    depth[#depth + 1] = told
  end
end
return depth
