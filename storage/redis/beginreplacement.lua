-- Begins the replacement of a destination.
-- KEYS  state, job of the backfill
-- ARGV  token, table, epoch that the caller saw or ''
-- reply {'begun', id}, {'claimed', token} (another job's or another table's is open), {'superseded'} (the job has begun
--       to copy: its replacement was open then, and has ended) or {'moved', epoch} (call again with this epoch)
-- A late copy finds another epoch.
local id, token, table_ = unpack(redis.call('HMGET', KEYS[1], 'replacement', 'replacement_token', 'replacement_table'))
if token == ARGV[1] and table_ == ARGV[2] then
  return {'begun', id}
end
if token then
  return {'claimed', token}
end
if redis.call('HGET', KEYS[2], 'token') == ARGV[1] then
  return {'superseded'}
end
if ARGV[3] ~= epoch() then
  return {'moved', epoch()}
end
next_epoch() -- refused if Redis is out of memory, with nothing changed
redis.call('HSET', KEYS[1], 'replacement', epoch(), 'replacement_token', ARGV[1], 'replacement_table', ARGV[2])
return {'begun', epoch()}
