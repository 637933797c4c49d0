-- Waking: whoever waits is in `waiting`, and leaves it with the message. After a flush nobody is there; then all
-- are told, and come back.
--include turns

local timers_are_late = false -- whether something is due before those who wait look again

-- All who wait, or one if there is something for it.
local function wake(all)
  if not all and call('EXISTS', TURNS) == 0 then return end
  repeat
    local node = call('ZPOPMIN', BASE .. ':waiting')[1]
    if not node then
      if call('EXISTS', BASE .. ':nodes') == 0 then call('PUBLISH', BASE .. ':wake', '') end
      return
    end
    local heard = call('PUBLISH', BASE .. ':wake:' .. node, '')
  until heard > 0 and not all
end
