-- cursor, how many at a time -> the next cursor, ids
local answer = call('HSCAN', JOBS, ARGV[1], 'COUNT', ARGV[2])
local ids = {}
for i = 1, #answer[2], 2 do ids[#ids + 1] = answer[2][i] end
return { answer[1], ids }
