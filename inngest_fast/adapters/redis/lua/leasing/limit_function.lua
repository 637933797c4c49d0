-- function, packed limits or "" if there are none, how many calls at once or "" if any number, now
--include flow
NOW = tonumber(ARGV[4])
local id, packed, calls = ARGV[1], ARGV[2], ARGV[3]

local function keep(key, field, value)
  if value == '' then call('HDEL', BASE .. key, field) else call('HSET', BASE .. key, field, value) end
end

if (call('HGET', BASE .. ':functions', id) or '') == packed then return end
keep(':functions', id, packed)
keep(':limits', 'p:' .. id, calls)
for _, partition in ipairs({ 'local:' .. id, id }) do
  local group = group_of(partition)
  if group ~= '' then
    list_partition(partition, group)
    flow().open_all(partition, next_number())
  end
end
wake(timers_are_late)
