-- Leases, and the places that they take.
--include flow

local LEASES, OWNERS = BASE .. ':leases', BASE .. ':owners'

local function change_use(whose, by)
  uses[whose] = count(BASE .. ':use', whose, by)
end
