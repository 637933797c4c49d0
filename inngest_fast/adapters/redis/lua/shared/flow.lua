-- What is asked of few jobs, made when the first of them comes.
--include records
--include waking

local made_flow
local function flow()
  if made_flow then return made_flow end

  --include gates
  --include lines
  --include waits
  --include places
  --include questions
  --include pieces

  made_flow = {
    put = put, take_out = take_out, take = take, list_lane = list_lane, pay = pay, refund = refund, restore = restore,
    judge = judge, enter = enter, leave = leave, step_back = step_back, occupy = occupy, vacate = vacate,
    open_all = open_all, look = look,
    limits_of = limits_of, names_of = names_of, lines_of = lines_of, position_of = position_of,
    open_lanes = open_lanes, closed_key = closed_key, closed_to = closed_to, limit_at = limit_at, use_at = use_at,
    holders = holders
  }
  return made_flow
end
