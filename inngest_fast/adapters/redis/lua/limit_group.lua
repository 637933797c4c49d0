-- group, limit or ""
--include waking
local whose = 'g:' .. ARGV[1]
if ARGV[2] == '' then call('HDEL', BASE .. ':limits', whose) else call('HSET', BASE .. ':limits', whose, ARGV[2]) end
list_group(ARGV[1])
wake()
