-- Notes that a step of a sync failed.
-- KEYS  state
-- ARGV  token, step, code, reason
-- reply {'noted'} or {'superseded'}
-- A late copy that comes after the sync ended well is noted until the next sync, which finds nothing to do.
local holder, before = unpack(redis.call('HMGET', KEYS[1], 'token', 'failing'))
if holder and holder ~= ARGV[1] then
  return {'superseded'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local failing = before and cjson.decode(before) or {since = now, attempts = 0}
failing.last, failing.attempts = now, failing.attempts + 1
failing.step, failing.code, failing.reason = ARGV[2], ARGV[3], ARGV[4]
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
redis.call('HSET', KEYS[1], 'failing', cjson.encode(failing))
return {'noted'}
