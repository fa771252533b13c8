-- Ends a range earlier, and makes a new one of the rest.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, range, claim, its end, its new end
-- reply {'halved'} or {'superseded'}
-- A late copy finds the range's end moved, to where it would move it or farther.
local database, pass, upto = unpack(redis.call('HMGET', KEYS[3], ARGV[2] .. '.database', ARGV[2] .. '.pass', ARGV[2] .. '.upto'))
if not owns() or (upto ~= ARGV[4] and upto ~= ARGV[5]) then
  return {'superseded'}
end
if upto == ARGV[4] then
  redis.call('HDEL', KEYS[2], '') -- out of memory too: see presync.lua
  local new = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'ranges', 1) - 1)
  redis.call('HSET', KEYS[3], new .. '.database', database, new .. '.pass', pass, new .. '.after', ARGV[5], new .. '.upto', upto,
    ARGV[2] .. '.upto', ARGV[5])
  redis.call('RPUSH', KEYS[4], new)
  move()
end
return {'halved'}
