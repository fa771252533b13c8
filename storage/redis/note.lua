-- Notes something that a sync found, for people who ask for the status.
-- KEYS  state
-- ARGV  token of the claimant or '' (anybody), field, text ('': nothing to note)
-- reply {'noted'} or {'superseded'}
-- A late copy of the claimant's notes what the claimant notes anew with each batch.
local holder = redis.call('HGET', KEYS[1], 'token')
if ARGV[1] ~= '' and holder and holder ~= ARGV[1] then
  return {'superseded'}
end
if (redis.call('HGET', KEYS[1], ARGV[2]) or '') == ARGV[3] then
  return {'noted'}
end
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return {'noted'}
