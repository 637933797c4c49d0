--include ready
--include freeing

-- To where it was before it was leased; but it may have been done.
local function put_back(id, record)
  local group = group_of(record.partition)
  if not unlease(id, record, group) then return end
  record.doubtful = true
  if record.flow then flow().step_back(record) end
  keep(id, record)
  make_ready(id, record, group)
end
