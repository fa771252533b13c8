-- Notes operations of the claimed batch that can't be imported.
-- KEYS  state, aside
-- ARGV  token, batch, '1' to forget what was noted before, then pairs of operation and {kind, reason} as JSON
-- reply {'noted'} or {'superseded'}
local token, batch = unpack(redis.call('HMGET', KEYS[1], 'token', 'batch'))
if token ~= ARGV[1] or batch ~= ARGV[2] then
  return {'superseded'}
end
redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
if ARGV[3] == '1' then
  redis.call('DEL', KEYS[2])
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return {'noted'}
