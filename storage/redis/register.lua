-- Appends one entry, unless the queue would grow beyond its limit. An XADD that is refused ends the script, so that the
-- surplus is never counted alone.
-- KEYS  state, queue
-- ARGV  entry, number of operations, limit (0: none)
-- reply {'registered'} or {'full', operations kept}
local n, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
if limit > 0 then
  local kept = redis.call('XLEN', KEYS[2]) + (tonumber(redis.call('HGET', KEYS[1], 'surplus')) or 0)
  if kept + n > limit then
    return {'full', kept}
  end
end
redis.call('XADD', KEYS[2], '*', 'o', ARGV[1])
if n > 1 then
  redis.call('HINCRBY', KEYS[1], 'surplus', n - 1)
end
return {'registered'}
