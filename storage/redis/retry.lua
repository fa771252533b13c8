-- Registers failed operations again, as one entry, if they still are as they were read: another caller may have retried or
-- discarded them meanwhile, or they may have failed once more.
-- KEYS  state, queue, failed, retried, reasons
-- ARGV  for each: entry of this operation alone, field, value
-- reply {'registered', number registered}
-- A late copy finds none of them: no two failures have the same value.
local entry, n = {}, 0
for i = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[3], ARGV[i + 1]) == ARGV[i + 2] then
    n = n + 1
    entry[n] = ARGV[i]
    redis.call('HDEL', KEYS[3], ARGV[i + 1])
    redis.call('HSET', KEYS[4], ARGV[i + 1], ARGV[i + 2])
  end
end
if n > 0 then
  redis.call('XADD', KEYS[2], '*', 'o', table.concat(entry))
end
if n > 1 then
  redis.call('HINCRBY', KEYS[1], 'surplus', n - 1)
end
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('UNLINK', KEYS[5])
end
return {'registered', n}
