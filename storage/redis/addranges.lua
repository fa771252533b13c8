-- Adds ranges to a job that is being made; the last call opens it.
-- KEYS  state, job, ranges, pending, claimed, differences, request
-- ARGV  token, id, number of the first range, number of all ranges if these are the last or '', then for each range: database, pass,
--       after, up to
-- reply {'added'} or {'superseded'}
-- A late copy finds its ranges added, or the job open, or another one.
local token, id, stage = unpack(redis.call('HMGET', KEYS[2], 'token', 'id', 'stage'))
if token ~= ARGV[1] or id ~= ARGV[2] then
  return {'superseded'}
end
if stage ~= 'making' then
  return {'added'}
end
local first, total = tonumber(ARGV[3]), redis.call('LLEN', KEYS[4])
if total < first then
  return {'superseded'}
end
if total == first then
  for i = 5, #ARGV, 4 do
    redis.call('HSET', KEYS[3], total .. '.database', ARGV[i], total .. '.pass', ARGV[i + 1],
      total .. '.after', ARGV[i + 2], total .. '.upto', ARGV[i + 3])
    redis.call('RPUSH', KEYS[4], total)
    total = total + 1
  end
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[2], 'stage', 'open', 'ranges', ARGV[4], 'finished', 0)
  redis.call('UNLINK', KEYS[7]) -- the job has begun, and has it in its options
end
return {'added'}
