-- Appends one entry unless the queue would grow beyond its limit.
-- KEYS  state, queue
-- ARGV  entry, number of operations, limit
-- reply {'registered'} or {'full', operations kept}
local n = tonumber(ARGV[2])
local kept = redis.call('XLEN', KEYS[2]) + (tonumber(redis.call('HGET', KEYS[1], 'surplus')) or 0)
if kept + n > tonumber(ARGV[3]) then
  return {'full', kept}
end
redis.call('XADD', KEYS[2], '*', 'o', ARGV[1])
if n > 1 then
  redis.call('HINCRBY', KEYS[1], 'surplus', n - 1)
end
return {'registered'}
