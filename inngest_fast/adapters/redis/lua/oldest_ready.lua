-- now, how many to look at in each partition -> the smallest due time, or nothing
promote(tonumber(ARGV[1]))
local oldest = false
for _, group in ipairs(call('ZRANGE', TURNS, 0, -1)) do
  for _, partition in ipairs(call('ZRANGE', turns_of(group), 0, -1)) do
    for _, handle in ipairs(call('ZRANGE', ready_of(partition), 0, tonumber(ARGV[2]) - 1)) do
      local due = record_of(id_of(handle)).due
      if not oldest or due < oldest then oldest = due end
    end
  end
end
return oldest
