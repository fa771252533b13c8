-- Saves a page of a range, and finishes the range if it is the last one.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, range, claim, number of the page, cursor, lease in ms, '1' to finish the range, most differences to keep, then the counts:
--       rows, failed, clamped, missing, stale, surplus, registered; then differences
-- reply {'superseded'}, {'saved', 1 if a reader is idle else 0} or {'finished', ranges that are not}
-- A late copy finds its page saved, or the range finished or another reader's.
local finish, done = ARGV[7] == '1', redis.call('HGET', KEYS[3], ARGV[2] .. '.finished') == ARGV[3]
if not owns() and not (finish and done and redis.call('HGET', KEYS[2], 'token') == ARGV[1]) then
  return {'superseded'}
end
redis.call('HDEL', KEYS[2], '') -- out of memory too: see presync.lua
if not done then
  local saved = tonumber(redis.call('HGET', KEYS[3], ARGV[2] .. '.page')) or 0
  local new = tonumber(ARGV[4]) > saved
  if new then
    for i, name in ipairs({'rows', 'failed', 'clamped', 'missing', 'stale', 'surplus', 'registered'}) do
      redis.call('HINCRBY', KEYS[2], 'count_' .. name, ARGV[8 + i])
    end
    local most = tonumber(ARGV[8]) - redis.call('LLEN', KEYS[6])
    for i = 16, math.min(#ARGV, 15 + most) do
      redis.call('RPUSH', KEYS[6], ARGV[i])
    end
  end
  if finish then
    for _, name in ipairs({'database', 'pass', 'after', 'upto', 'page', 'claim', 'reader'}) do
      redis.call('HDEL', KEYS[3], ARGV[2] .. '.' .. name)
    end
    redis.call('HSET', KEYS[3], ARGV[2] .. '.finished', ARGV[3])
    redis.call('ZREM', KEYS[5], ARGV[2])
    redis.call('HINCRBY', KEYS[2], 'finished', 1)
  elseif new then
    redis.call('HSET', KEYS[3], ARGV[2] .. '.page', ARGV[4], ARGV[2] .. '.after', ARGV[5])
    lease(ARGV[2], ARGV[6])
  end
  if finish or new then
    move()
  end
end
if finish then
  local ranges, finished = unpack(redis.call('HMGET', KEYS[2], 'ranges', 'finished'))
  return {'finished', ranges - finished}
end
return {'saved', idle()}
