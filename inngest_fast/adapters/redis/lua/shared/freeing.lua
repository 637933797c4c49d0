--include leases

-- Frees the places of a job that is no longer leased, but for that of its run. False if it was not.
local function unlease(id, record, group)
  if call('HDEL', OWNERS, id) == 0 then return false end
  call('ZREM', LEASES, id)
  local in_partition, in_group = 'p:' .. record.partition, 'g:' .. group
  local was_full = full(in_partition) or full(in_group)
  change_use(in_partition, -1)
  change_use(in_group, -1)
  if was_full then list_partition(record.partition, group) end
  if record.flow then flow().vacate(id, record) end
  return true
end
