-- node: it is waited for no more
--include waking
call('ZREM', BASE .. ':nodes', ARGV[1])
call('ZREM', BASE .. ':waiting', ARGV[1])
wake()
