-- What the scripts of readers share. Defined before them.
-- KEYS  state, job, ranges, pending, claimed, differences
-- ARGV  token, range, claim first
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The job has moved: a request of a reader that asks for a range and was computed before is refused.
local function move()
  redis.call('HINCRBY', KEYS[2], 'moves', 1)
  redis.call('HSET', KEYS[2], 'moved', string.format('%.0f', now_ms()))
end

local function lease(number, ms)
  redis.call('ZADD', KEYS[5], string.format('%.0f', now_ms() + tonumber(ms)), number)
end

local function owns()
  return redis.call('HGET', KEYS[2], 'token') == ARGV[1] and redis.call('HGET', KEYS[3], ARGV[2] .. '.claim') == ARGV[3]
end

-- 1 if a reader is idle and no range is free, else 0.
local function idle()
  local until_ = redis.call('HGET', KEYS[2], 'idle_until')
  return until_ and tonumber(until_) > now_ms() and redis.call('LLEN', KEYS[4]) == 0 and 1 or 0
end
