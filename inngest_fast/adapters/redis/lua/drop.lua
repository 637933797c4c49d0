-- id
local record = record_of(ARGV[1])
if record then
  take_out(ARGV[1], record)
  wake_one()
end
