-- Gives a reader a range: its own, or a free one, or one whose reader was silent for longer than its lease.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, reader, attempt, lease in ms, moves that the caller saw or ''
-- reply {'superseded'}, {'overtaken'} (a later attempt of the reader has asked), {'finished'}, {'moved', moves} (call again with
--       these), {'none', ranges that others have} or
--       {'range', number, claim, database, pass, after, up to, last page, 1 if taken over else 0}
-- A late copy finds that the job has moved.
local token, stage, id, moves, ranges, finished, newest = unpack(redis.call('HMGET', KEYS[2],
  'token', 'stage', 'id', 'moves', 'ranges', 'finished', 'reader:' .. ARGV[2]))
if token ~= ARGV[1] or stage == 'making' then
  return {'superseded'}
end
if ranges == finished then
  return {'finished'}
end
if stage == 'ended' then
  return {'superseded'}
end
if newest and tonumber(newest) > tonumber(ARGV[3]) then
  return {'overtaken'}
end
local seen = id .. ':' .. (moves or '0')
if ARGV[5] ~= seen then
  return {'moved', seen}
end

redis.call('HDEL', KEYS[2], '') -- out of memory too: see presync.lua
redis.call('HSET', KEYS[2], 'reader:' .. ARGV[2], ARGV[3])
local number, taken, same = nil, 0, false
for _, claimed in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  if redis.call('HGET', KEYS[3], claimed .. '.reader') == ARGV[2] then
    number, same = claimed, newest == ARGV[3]
    taken = same and 0 or 1
  end
end
number = number or redis.call('LPOP', KEYS[4])
if not number then
  number = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', string.format('%.0f', now_ms()), 'LIMIT', 0, 1)[1]
  taken = 1
end
if not number then
  redis.call('HINCRBY', KEYS[2], 'moves', 1)
  redis.call('HSET', KEYS[2], 'idle', ARGV[2], 'idle_until', string.format('%.0f', now_ms() + 10000))
  return {'none', redis.call('ZCARD', KEYS[5])}
end

if redis.call('HGET', KEYS[2], 'idle') == ARGV[2] then
  redis.call('HDEL', KEYS[2], 'idle', 'idle_until')
end
if not same then
  local claim = redis.call('HINCRBY', KEYS[2], 'claims', 1)
  redis.call('HSET', KEYS[3], number .. '.claim', id .. ':' .. claim, number .. '.reader', ARGV[2])
end
lease(number, ARGV[4])
move()
local claim, database, pass, after, upto, page = unpack(redis.call('HMGET', KEYS[3], number .. '.claim', number .. '.database',
  number .. '.pass', number .. '.after', number .. '.upto', number .. '.page'))
return {'range', tonumber(number), claim, database, pass, after, upto, tonumber(page) or 0, taken}
