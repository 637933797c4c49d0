-- id
if call('HEXISTS', OWNERS, ARGV[1]) == 1 then
  take_out(ARGV[1])
  wake_one()
end
