-- Remembers what identifies a source table, unless something is remembered already.
-- KEYS  state
-- ARGV  field, identity
-- reply {'remembered', identity}
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return {'remembered', redis.call('HGET', KEYS[1], ARGV[1])}
