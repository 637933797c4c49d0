-- The queue's keys. KEYS[1] is "{prefix}:2", with the number of this layout: one hash slot for all, and no key in
-- common with another layout.
--
--   jobs        id -> packed {seq, due, score, partition, job, since, attempt[, doubtful[, flow]]}
--   due         scheduled jobs, by due time
--   ready:L     ready jobs of line L, by score, then first come; a job that nothing more is asked of is in the line
--               of its partition's name
--   leases      leased ids, by expiry on this server's clock
--   owners      leased id -> "node call"
--   groups      partition -> its group, sizes: how many jobs it has, scheduled: how many of them are;
--               each while there are any
--   use         p:partition, g:group -> how many of its jobs are leased; limits: how many may be
--   functions   function -> its packed limits
--   turns       groups that have a place and a ready job; turns:G those partitions of group G;
--               lanes:P those lanes of partition P; whoever is first is next
--   opening     what is to be looked at again, by when (unix ms; below zero: at once)
--   begun       there since the first node came
--   settled     after that, for as long as what limits bind is not leased: until when;
--               held: partitions that wait for it
--   clock       the latest time that a node has told; throttles go by it
--   waiting     nodes that wait to be woken; nodes: all, by last sign of life
--   topic:T     channel of ports.pubsub, with no layout; wake, wake:N: channels for all nodes, and for node N
--
-- gates.lua, lines.lua and waits.lua have keys of their own, of jobs that more is asked of.
--
-- What a script makes costs it more than what it does. So a file is included where it is needed only, and what few
-- jobs need is in flow.lua, and made when the first of them comes.

local BASE = KEYS[1]
local call = redis.call

local NOW -- unix ms, of the node that asks; set first by every operation that asks for it

local AT_ONCE = 100 -- so many are let go, or looked at, in one piece: the server has others to serve

-- Numbers that only rise; a script takes some at once.
local number, last_number = 0, 0
local function next_number()
  if number == last_number then
    last_number = call('INCRBY', BASE .. ':counter', 16)
    number = last_number - 16
  end
  number = number + 1
  return number
end

local function count(key, field, by)
  local n = call('HINCRBY', key, field, by)
  if n <= 0 then call('HDEL', key, field) end
  return n
end
