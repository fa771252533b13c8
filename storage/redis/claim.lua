-- Claims the head of the queue, unless a batch is claimed already, and mints the batch's version, which is also its ID.
-- KEYS  state, queue, ended
-- ARGV  token, number of operations wanted (0: walk in any case), operations a chunk, version floor or '',
--       epoch that the caller saw or '', then what the walk in that epoch found, or '', 0, 0 without one: last entry, operations taken
--       of the last entry (0: all of it), operations up to there (0: none is old enough)
-- reply {'superseded'}, {'untidy'} (call tidy and again), {'moved', epoch} (call again with this epoch),
--       {'none'} (and the claim has ended), {'floor'} (call again with a floor), {'batch', id, operations, operations a chunk}, or
--       {'walk', epoch, operations to skip of the first entry, time in ms}: find the last entry by reading the queue and call again
-- A late copy finds the batch that is claimed, or another epoch, in which the head of the queue is another.
local token, batch, count, chunk, surplus, skip, ended_last = unpack(redis.call('HMGET', KEYS[1],
  'token', 'batch', 'batch_count', 'batch_chunk', 'surplus', 'skip', 'ended_last'))
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
local last, cut, taken = ARGV[6], ARGV[7], tonumber(ARGV[8])
local entries = redis.call('XLEN', KEYS[2])
local kept = entries + (tonumber(surplus) or 0)
local walked = ARGV[5] == epoch() and last ~= ''
if entries > 0 and not walked and kept > tonumber(ARGV[2]) then
  return {'walk', epoch(), tonumber(skip) or 0, time[1] * 1000 + math.floor(time[2] / 1000)}
end
if ARGV[5] ~= epoch() then
  return {'moved', epoch()}
end
if entries == 0 then
  redis.call('HDEL', KEYS[1], 'token', 'lease_until', 'surplus', 'skip')
  next_epoch()
  return {'none'}
end
if not walked then
  last, cut, taken = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1][1], '0', kept
elseif taken == 0 then
  redis.call('HDEL', KEYS[1], 'token', 'lease_until')
  next_epoch()
  return {'none'}
end

batch = mint(ARGV[4])
if not batch then
  return {'floor'}
end
redis.call('HDEL', KEYS[1], 'attempt')
redis.call('HSET', KEYS[1], 'batch', batch, 'batch_count', taken, 'batch_chunk', ARGV[3],
  'batch_last', last, 'batch_cut', cut)
next_epoch()
return {'batch', batch, taken, tonumber(ARGV[3])}
