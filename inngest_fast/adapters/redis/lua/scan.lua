-- cursor, how many at a time -> the next cursor, ids
--include layout
local answer = call('HSCAN', BASE .. ':jobs', ARGV[1], 'COUNT', ARGV[2])
local ids = {}
for i = 1, #answer[2], 2 do ids[#ids + 1] = answer[2][i] end
return { answer[1], ids }
