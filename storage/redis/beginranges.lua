-- Begins a job of ranges, which addranges then opens.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, token of a job known to have ended or '', epoch that the caller saw or '', options, rows
-- reply {'begun'} (this job is open or has ended), {'claimed', token}, {'moved', epoch} (call again with this epoch) or
--       {'making', id} (add the ranges)
-- A late copy finds another epoch.
local token, stage = unpack(redis.call('HMGET', KEYS[2], 'token', 'stage'))
if token == ARGV[1] and stage ~= 'making' then
  return {'begun'}
end
if token and token ~= ARGV[1] and token ~= ARGV[2] and stage ~= 'ended' then
  return {'claimed', token}
end
if ARGV[3] ~= epoch() then
  return {'moved', epoch()}
end
next_epoch() -- refused if Redis is out of memory, with nothing changed
local id = epoch()
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
redis.call('HSET', KEYS[2], 'token', ARGV[1], 'id', id, 'stage', 'making', 'options', ARGV[4], 'rows', ARGV[5],
  'began', now, 'moved', now)
return {'making', id}
