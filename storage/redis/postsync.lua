-- Removes a batch that was imported.
-- KEYS  state, queue, aside, failed, retried
-- ARGV  token, batch, '1' to end the claim in any case, then what became of the operations:
--       operations, rows, deletes, coalesced, failed
-- reply {'removed', kept}, {'repeated', kept after the first call} or {'superseded'}
local token, batch, last, cut, count, surplus, ended, ended_token, ended_kept = unpack(redis.call('HMGET', KEYS[1],
  'token', 'batch', 'batch_last', 'batch_cut', 'batch_count', 'surplus', 'ended', 'ended_token', 'ended_kept'))
if ended == ARGV[2] and ended_token == ARGV[1] then
  return {'repeated', tonumber(ended_kept)}
end
if token ~= ARGV[1] or batch ~= ARGV[2] then
  return {'superseded'}
end

local before = redis.call('XLEN', KEYS[2])
redis.call('XTRIM', KEYS[2], 'MINID', last)
if cut == '0' then
  redis.call('XDEL', KEYS[2], last)
end
local after = redis.call('XLEN', KEYS[2])
surplus = (tonumber(surplus) or 0) + (before - after) - tonumber(count)
local kept = after + surplus

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local aside = redis.call('HGETALL', KEYS[3])
for i = 1, #aside, 2 do
  local failure = cjson.decode(aside[i + 1])
  local known = redis.call('HGET', KEYS[4], aside[i]) or redis.call('HGET', KEYS[5], aside[i])
  known = known and cjson.decode(known) or {attempts = 0, first = now}
  failure.attempts, failure.first, failure.last = known.attempts + 1, known.first, now
  redis.call('HSET', KEYS[4], aside[i], cjson.encode(failure))
end
redis.call('DEL', KEYS[3])

redis.call('HDEL', KEYS[1], 'batch', 'batch_count', 'batch_chunk', 'batch_last', 'batch_cut')
redis.call('HSET', KEYS[1], 'surplus', surplus, 'skip', cut, 'ended', batch, 'ended_token', token, 'ended_kept', kept)
for i, name in ipairs({'operations', 'rows', 'deletes', 'coalesced', 'failed'}) do
  redis.call('HINCRBY', KEYS[1], 'total_' .. name, ARGV[3 + i])
end
if kept == 0 then
  redis.call('UNLINK', KEYS[5])
end
if kept == 0 or ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], 'token', 'lease_until')
end
return {'removed', kept}
