-- ids -> those that are not here
--include layout
local missing = {}
for _, id in ipairs(ARGV) do
  if call('HEXISTS', BASE .. ':jobs', id) == 0 then missing[#missing + 1] = id end
end
return missing
