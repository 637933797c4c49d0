-- now, counter, arrival time, counter, …
--include flow
NOW = tonumber(ARGV[1])
for i = 2, #ARGV, 2 do flow().restore(ARGV[i], tonumber(ARGV[i + 1])) end
wake(timers_are_late)
