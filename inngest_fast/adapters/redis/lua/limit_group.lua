-- group, limit or ""
if ARGV[2] == '' then call('HDEL', LIMITS, ARGV[1]) else call('HSET', LIMITS, ARGV[1], ARGV[2]) end
list_group(ARGV[1])
wake_one()
