-- Ends a job, or forgets it. The caller read which job there is.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  id, outcome, '1' to forget it
-- reply {'ended'} or {'superseded'}
-- A late copy finds the job ended, or another one.
local id, stage = unpack(redis.call('HMGET', KEYS[2], 'id', 'stage'))
if id ~= ARGV[1] then
  return {'superseded'}
end
redis.call('HDEL', KEYS[2], '') -- out of memory too: see presync.lua
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5])
if ARGV[3] == '1' then
  redis.call('UNLINK', KEYS[2], KEYS[6])
elseif stage ~= 'ended' then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[2], 'stage', 'ended', 'outcome', ARGV[2],
    'ended', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
end
return {'ended'}
