-- id, partition, group, due, score, job, now -> 1, or 0 if the id is known
if call('HEXISTS', JOBS, ARGV[1]) == 1 then return 0 end
put(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]))
return 1
