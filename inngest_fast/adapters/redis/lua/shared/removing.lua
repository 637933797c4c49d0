-- Jobs that are over, or come again.
--include freeing

-- Forgets a job, but for the place of its run, which it leaves once what comes after it is here: see `leave` in
-- places.lua. Whether it was leased.
local function take_out(id, record)
  call('HDEL', JOBS, id)
  local partition = record.partition
  local group = group_of(partition)
  local was_leased = unlease(id, record, group)
  if not was_leased then
    local handle = handle_of(record, id)
    if call('ZREM', BASE .. ':due', handle) == 1 then
      count(BASE .. ':scheduled', partition, -1)
    elseif record.flow then
      flow().take_out(id, record)
    else
      call('ZREM', ready_of(partition), handle)
      if call('EXISTS', ready_of(partition)) == 0 then flow().list_lane(partition) end
    end
  end
  if count(BASE .. ':sizes', partition, -1) <= 0 then call('HDEL', BASE .. ':groups', partition) end
  return was_leased
end
