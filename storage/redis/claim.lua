-- Claims the head of the queue, unless a batch is claimed already, and mints the batch's version, which is also its ID.
-- KEYS  state, queue, ended
-- ARGV  token, number of operations wanted (0: walk in any case), operations a chunk, version floor or '',
--       last entry or '', operations taken of the last entry (0: all of it), operations up to there
-- reply {'superseded'}, {'untidy'} (call tidy and again), {'none'} (and the claim has ended), {'floor'} (call again with a floor),
--       {'batch', id, operations, operations a chunk}, or {'walk', operations to skip of the first entry, time in ms}:
--       find the last entry by reading the queue and call again
local function less(a, b) -- decimal strings, which Lua's numbers can't hold exactly
  if #a ~= #b then return #a < #b end
  return a < b
end

local token, batch, count, chunk, version, surplus, skip, ended_last = unpack(redis.call('HMGET', KEYS[1],
  'token', 'batch', 'batch_count', 'batch_chunk', 'version', 'surplus', 'skip', 'ended_last'))
if token ~= ARGV[1] then
  return {'superseded'}
end
if batch then
  return {'batch', batch, tonumber(count), tonumber(chunk)}
end
if ended_last or redis.call('EXISTS', KEYS[3]) == 1 then
  return {'untidy'}
end

local time = redis.call('TIME')
local last, cut, taken = ARGV[5], ARGV[6], tonumber(ARGV[7])
if last == '' then
  local entries = redis.call('XLEN', KEYS[2])
  if entries == 0 then
    redis.call('HDEL', KEYS[1], 'token', 'lease_until', 'surplus', 'skip')
    return {'none'}
  end
  local kept = entries + (tonumber(surplus) or 0)
  if kept > tonumber(ARGV[2]) then
    return {'walk', tonumber(skip) or 0, time[1] * 1000 + math.floor(time[2] / 1000)}
  end
  last, cut, taken = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1][1], '0', kept
end

if not version and ARGV[4] == '' then
  return {'floor'}
end
version = version or ARGV[4]
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
local now = time[1] .. string.format('%06d', time[2])
if less(version, now) then
  redis.call('HSET', KEYS[1], 'version', now)
else
  redis.call('HSET', KEYS[1], 'version', version)
  redis.call('HINCRBY', KEYS[1], 'version', 1)
end
batch = redis.call('HGET', KEYS[1], 'version')
redis.call('HSET', KEYS[1], 'batch', batch, 'batch_count', taken, 'batch_chunk', ARGV[3],
  'batch_last', last, 'batch_cut', cut)
return {'batch', batch, taken, tonumber(ARGV[3])}
