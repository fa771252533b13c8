-- Ends a batch that was imported: from here on its operations are done with. What takes time in proportion to the batch is
-- left to tidy, which is defined before this text and does its first page at once.
-- KEYS  state, queue, ended, failed, retried, reasons, aside
-- ARGV  token, batch, '1' to end the claim in any case, how the sync ends if it ends here, then what became of the operations:
--       operations, rows, deletes, coalesced, failed; and the ID of the last replacement when the batch was imported, or ''
-- reply {'removed', kept, 1 if tidy must be called else 0}, {'repeated', kept after the first call, the same}, {'superseded'} or
--       {'replaced'} (a replacement has begun since: import the batch again)
-- A late copy gets the first answer until another batch has ended, and is superseded from then on.
local token, batch, last, cut, count, surplus, ended, ended_token, ended_kept, replacement = unpack(redis.call('HMGET', KEYS[1],
  'token', 'batch', 'batch_last', 'batch_cut', 'batch_count', 'surplus', 'ended', 'ended_token', 'ended_kept',
  'replacement'))
if ended == ARGV[2] and ended_token == ARGV[1] then
  return {'repeated', tonumber(ended_kept), tidy()}
end
if token ~= ARGV[1] or batch ~= ARGV[2] then
  return {'superseded'}
end
if (replacement or '') ~= ARGV[10] then
  return {'replaced'}
end

surplus = (tonumber(surplus) or 0) - tonumber(count)
local kept = redis.call('XLEN', KEYS[2]) + surplus
redis.call('HDEL', KEYS[1], 'batch', 'batch_count', 'batch_chunk', 'batch_last', 'batch_cut', 'attempt', 'failing')
redis.call('HSET', KEYS[1], 'surplus', surplus, 'skip', cut, 'ended', batch, 'ended_token', token, 'ended_kept', kept,
  'ended_last', last)
for i, name in ipairs({'operations', 'rows', 'deletes', 'coalesced', 'failed'}) do
  redis.call('HINCRBY', KEYS[1], 'total_' .. name, ARGV[4 + i])
end
if redis.call('EXISTS', KEYS[7]) == 1 then
  redis.call('RENAME', KEYS[7], KEYS[3])
end
if kept == 0 or ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], 'token', 'lease_until')
  redis.call('HSET', KEYS[1], 'last_outcome', ARGV[4])
end
next_epoch()
return {'removed', kept, tidy()}
