-- Every step that moves the claim of an import key changes the state's epoch: who claims, the batch that is claimed or removed, a
-- flush. A request that was computed from the state names the epoch it saw and is refused when another one has come, so a
-- late copy of the request changes nothing that has moved on. Defined before the scripts that need it.
-- KEYS  state first
local function less(a, b) -- decimal strings, which Lua's numbers can't hold exactly
  if #a ~= #b then return #a < #b end
  return a < b
end

local function epoch()
  return redis.call('HGET', KEYS[1], 'epoch') or '0'
end

-- The clock makes epochs grow even after Redis lost the state; the increment makes them grow when the clock does not.
local function next_epoch()
  local time = redis.call('TIME')
  local now = time[1] .. string.format('%06d', time[2])
  if less(epoch(), now) then
    redis.call('HSET', KEYS[1], 'epoch', now)
  else
    redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  end
end
