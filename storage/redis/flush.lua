-- Drops all that is kept for an import key but its last version. The caller read the epoch before: a late copy must not drop what
-- was registered since the flush.
-- KEYS  state, then all others
-- ARGV  epoch
-- reply {'flushed'} or {'moved', epoch} (call again with this epoch)
if ARGV[1] ~= epoch() then
  return {'moved', epoch()}
end
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
local version = redis.call('HGET', KEYS[1], 'version')
next_epoch()
local new = epoch()
redis.call('UNLINK', unpack(KEYS))
redis.call('HSET', KEYS[1], 'epoch', new)
if version then
  redis.call('HSET', KEYS[1], 'version', version)
end
return {'flushed'}
