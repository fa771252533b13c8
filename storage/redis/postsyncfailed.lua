-- Ends the claim of a sync that failed; its batch stays for the next one. Nobody being the claimant is what was asked for.
-- KEYS  state
-- ARGV  token, epoch that the caller saw or ''
-- reply {'ended'}, {'superseded'} or {'moved', epoch} (call again with this epoch)
-- A late copy finds no claimant, another one, or another epoch.
local holder = redis.call('HGET', KEYS[1], 'token')
if holder and holder ~= ARGV[1] then
  return {'superseded'}
end
if holder then
  if ARGV[2] ~= epoch() then
    return {'moved', epoch()}
  end
  redis.call('HDEL', KEYS[1], 'token', 'lease_until')
  redis.call('HSET', KEYS[1], 'last_outcome', 'failed')
  next_epoch()
end
return {'ended'}
