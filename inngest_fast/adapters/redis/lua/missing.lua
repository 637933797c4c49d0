-- ids -> those that are not here
local missing = {}
for _, id in ipairs(ARGV) do
  if call('HEXISTS', JOBS, id) == 0 then missing[#missing + 1] = id end
end
return missing
