-- What is due is made ready, so much at once.
local due = call('ZRANGEBYSCORE', BASE .. ':due', '-inf', NOW, 'LIMIT', 0, 10 * AT_ONCE)
if #due > 0 then
  --include ready
  call('ZREM', BASE .. ':due', unpack(due))
  for _, handle in ipairs(due) do
    local id = id_of(handle)
    local record = record_of(id)
    if record then
      count(BASE .. ':scheduled', record.partition, -1)
      make_ready(id, record, group_of(record.partition))
    end
  end
end
