-- node: it is waited for no more
call('ZREM', NODES, ARGV[1])
call('ZREM', WAITING, ARGV[1])
wake_one()
