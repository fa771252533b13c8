-- Drops all that is kept for an import key but its last version.
-- KEYS  state, then all others
-- reply {'flushed'}
local version = redis.call('HGET', KEYS[1], 'version')
redis.call('UNLINK', unpack(KEYS))
if version then
  redis.call('HSET', KEYS[1], 'version', version)
end
return {'flushed'}
