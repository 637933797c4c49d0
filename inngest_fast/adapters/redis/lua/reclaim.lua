-- node, call: what that call leased, and nobody received, goes back to where it was
local owners = call('HGETALL', OWNERS)
for i = 1, #owners, 2 do
  if owners[i + 1] == ARGV[1] .. ' ' .. ARGV[2] then put_back(owners[i]) end
end
wake_one()
