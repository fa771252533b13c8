-- Keeps the claimant for another lease from now.
-- KEYS  state
-- ARGV  token, lease in ms
-- reply {'extended'} or {'superseded'}
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return {'superseded'}
end
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'lease_until', string.format('%.0f', now + tonumber(ARGV[2])))
return {'extended'}
