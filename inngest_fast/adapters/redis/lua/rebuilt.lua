-- What the store has is here again: what limits bind is leased from now on.
--include waking
if call('EXISTS', BASE .. ':settled') == 0 then return end
call('SET', BASE .. ':settled', 0)
wake(true)
