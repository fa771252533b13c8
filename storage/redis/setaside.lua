-- Notes operations of the claimed batch that can't be imported. The first call of an attempt forgets what earlier attempts noted.
-- KEYS  state, aside
-- ARGV  token, batch, attempt, then pairs of operation and {kind, reason} as JSON
-- reply {'noted'}, {'superseded'} or {'overtaken'} (a later attempt of the same claimant has begun)
-- A late copy of an attempt's call notes what the attempt noted already, or comes from an attempt that was overtaken.
local token, batch, attempt = unpack(redis.call('HMGET', KEYS[1], 'token', 'batch', 'attempt'))
if token ~= ARGV[1] or batch ~= ARGV[2] then
  return {'superseded'}
end
local this, newest = tonumber(ARGV[3]), tonumber(attempt)
if newest and this < newest then
  return {'overtaken'}
end
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
if not newest or this > newest then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'attempt', ARGV[3])
end
for i = 4, #ARGV, 2 do
  redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) -- an attempt notes a row once
end
return {'noted'}
