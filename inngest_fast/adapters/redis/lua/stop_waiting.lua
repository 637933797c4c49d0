-- node: it leases no more, and a wake-up that it got last goes on to another
--include waking
call('ZREM', BASE .. ':waiting', ARGV[1])
wake()
