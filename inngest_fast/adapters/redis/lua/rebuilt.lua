-- node: what the store has is here again, what limits bind is leased from now on
--include waking
if call('EXISTS', BASE .. ':settled') == 0 then return end
-- A node that has yet to come back speaks of what was lost before.
if not call('ZSCORE', BASE .. ':nodes', ARGV[1]) then return end
call('SET', BASE .. ':settled', 0)
wake(true)
