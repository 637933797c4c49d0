--include flow

local function make_ready(id, record, group)
  if record.flow then
    flow().put(id, record)
    return
  end
  local partition = record.partition
  call('ZADD', ready_of(partition), record.score, handle_of(record, id))
  call('ZADD', lanes_of(partition), 'NX', next_number(), partition)
  list_partition(partition, group, true)
end
