-- id, now -> state, due, score, position, what blocks it, that limit, how much of it is in use; or nothing
promote(tonumber(ARGV[2]))
local record = record_of(ARGV[1])
if not record then return false end
local handle = handle_of(record.seq, ARGV[1])
if call('HEXISTS', OWNERS, ARGV[1]) == 1 then return { 'leased', record.due, record.score, 0, '', 0, 0 } end
if call('ZSCORE', DUE, handle) then return { 'scheduled', record.due, record.score, 0, '', 0, 0 } end
local position = call('ZRANK', ready_of(record.partition), handle)
local limit, in_use = limit_of(call('HGET', GROUPS, record.partition))
if limit and in_use >= limit then
  return { 'ready', record.due, record.score, position, 'group limit', limit, in_use }
end
return { 'ready', record.due, record.score, position, '', 0, 0 }
