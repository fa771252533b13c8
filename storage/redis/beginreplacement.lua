-- Begins the replacement of a destination.
-- KEYS  state
-- ARGV  token, table, epoch that the caller saw or ''
-- reply {'begun', id}, {'claimed'} (another job's is open) or {'moved', epoch} (call again with this epoch)
-- A late copy finds another epoch.
local id, token, table_ = unpack(redis.call('HMGET', KEYS[1], 'replacement', 'replacement_token', 'replacement_table'))
if token and token ~= ARGV[1] then
  return {'claimed'}
end
if token and table_ == ARGV[2] then
  return {'begun', id}
end
if ARGV[3] ~= epoch() then
  return {'moved', epoch()}
end
next_epoch() -- refused if Redis is out of memory, with nothing changed
redis.call('HSET', KEYS[1], 'replacement', epoch(), 'replacement_token', ARGV[1], 'replacement_table', ARGV[2])
return {'begun', epoch()}
