-- id
if take_out(ARGV[1]) then wake_one() end
