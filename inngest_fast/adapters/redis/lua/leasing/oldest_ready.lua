-- now, how many jobs to look at in each partition -> the smallest due time of what nothing blocks, or nothing
--include flow
NOW = tonumber(ARGV[1])
--include promote
if call('EXISTS', BASE .. ':opening') == 1 then flow().look() end
local most = tonumber(ARGV[2])
local oldest = false

local function look_at(line, left)
  local handles = left > 0 and call('ZRANGE', ready_of(line), 0, left - 1) or {}
  for _, handle in ipairs(handles) do
    local record = record_of(id_of(handle))
    if record and (not oldest or record.due < oldest) then oldest = record.due end
  end
  return left - #handles
end

for _, group in ipairs(call('ZRANGE', TURNS, 0, -1)) do
  for _, partition in ipairs(call('ZRANGE', turns_of(group), 0, -1)) do
    local left = most
    for _, lane in ipairs(flow().open_lanes(partition, most)) do
      if not flow().closed_key(lane) then
        left = look_at(lane, left)
        for _, line in ipairs(flow().lines_of(lane, most)) do
          local first = call('ZRANGE', ready_of(line), 0, 0)[1]
          local record = first and record_of(id_of(first))
          if record and not flow().closed_to(record, line) then left = look_at(line, left) end
        end
      end
    end
  end
end
return oldest
