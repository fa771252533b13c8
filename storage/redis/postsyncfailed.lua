-- Ends the claim of a sync that failed; its batch stays for the next one. Nobody being the claimant is what was asked for.
-- KEYS  state
-- ARGV  token
-- reply {'ended'} or {'superseded'}
local holder = redis.call('HGET', KEYS[1], 'token')
if holder and holder ~= ARGV[1] then
  return {'superseded'}
end
redis.call('HDEL', KEYS[1], 'token', 'lease_until')
return {'ended'}
