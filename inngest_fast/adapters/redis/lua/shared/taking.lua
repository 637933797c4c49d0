--include leases

local function lease_to(id, record, group, owner, expiry)
  call('ZADD', LEASES, expiry, id)
  call('HSET', OWNERS, id, owner)
  change_use('p:' .. record.partition, 1)
  change_use('g:' .. group, 1)
  if record.flow then flow().occupy(id, record) end
end
