-- Ends the replacement of a destination. Its ID stays, for batches that were imported before it had begun.
-- KEYS  state
-- ARGV  token, epoch that the caller saw or ''
-- reply {'ended'} or {'moved', epoch} (call again with this epoch)
-- A late copy finds none, another job's, or another epoch.
if redis.call('HGET', KEYS[1], 'replacement_token') ~= ARGV[1] then
  return {'ended'}
end
if ARGV[2] ~= epoch() then
  return {'moved', epoch()}
end
redis.call('HDEL', KEYS[1], 'replacement_token', 'replacement_table')
next_epoch()
return {'ended'}
