-- Keeps a claim for another lease from now.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, range, claim, lease in ms
-- reply {'extended', 1 if a reader is idle else 0} or {'superseded'}
if not owns() then
  return {'superseded'}
end
redis.call('HDEL', KEYS[2], '') -- out of memory too: see presync.lua
lease(ARGV[2], ARGV[4])
redis.call('HINCRBY', KEYS[2], 'moves', 1)
return {'extended', idle()}
