-- Remembers what identifies a source table, unless something is remembered already, and the farthest that the source was seen.
-- KEYS  state
-- ARGV  field of the identity, field of the mark, identity, mark, identity to replace or ''
-- reply {'remembered', identity, mark before this call}
-- A late copy raises no mark above one that the source had, and replaces only what it was told to replace.
local identity = redis.call('HGET', KEYS[1], ARGV[1])
local mark = redis.call('HGET', KEYS[1], ARGV[2]) or '0'
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
if not identity or (ARGV[5] ~= '' and identity == ARGV[5]) then
  identity, mark = ARGV[3], ARGV[4]
  redis.call('HSET', KEYS[1], ARGV[1], identity, ARGV[2], mark)
elseif identity == ARGV[3] and less(mark, ARGV[4]) then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
end
return {'remembered', identity, mark}
