-- id, partition, group, due, score, job, now: in place of what is there of that id
take_out(ARGV[1])
put(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]))
wake_one() -- for the place that it had, whenever the job itself is due
