-- node: it leases no more, and a wake-up that it got last goes on to another
call('ZREM', WAITING, ARGV[1])
wake_one()
