-- Tidies up after the batch that ended last, one page of work at a time, so that no call stops other clients for long: its
-- entries leave the queue, and what it set aside becomes failed operations. Every call may be the last for a while: kept
-- operations are entries plus surplus at any moment, and a batch is claimed only when all is tidy. A late copy does a page of
-- the work that is left, whose batch it may be.
-- KEYS  state, queue, ended, failed, retried, reasons
-- returns 1 if there is more to do, else 0
local function tidy()
  local entries, operations = 50000, 500 -- a page: less than 1 ms either way
  redis.call('HDEL', KEYS[1], '') -- see presync.lua: a Redis that is out of memory must be drained too

  local last, skip, batch = unpack(redis.call('HMGET', KEYS[1], 'ended_last', 'skip', 'ended'))
  if last then
    -- First whole nodes of the stream, then what is left of the last one. A trim with a limit stops before the node that would
    -- exceed the limit, so a little less than the limit may mean that there is more.
    local node = 10000 -- entries of a node, at most: Redis's default is 100
    local removed = redis.call('XTRIM', KEYS[2], 'MINID', '~', last, 'LIMIT', entries)
    local done = removed < entries - node
    if done then
      removed = removed + redis.call('XTRIM', KEYS[2], 'MINID', last)
      if skip == '0' then
        removed = removed + redis.call('XDEL', KEYS[2], last)
      end
      redis.call('HDEL', KEYS[1], 'ended_last')
    end
    redis.call('HINCRBY', KEYS[1], 'surplus', removed)
    if not done then
      return 1
    end
  end

  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local cursor = '0'
  repeat
    local page = redis.call('HSCAN', KEYS[3], cursor, 'COUNT', operations)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      local field, failure = page[2][i], cjson.decode(page[2][i + 1])
      local known = redis.call('HGET', KEYS[4], field) or redis.call('HGET', KEYS[5], field)
      known = known and cjson.decode(known) or {attempts = 0, first = now}
      failure.attempts, failure.first, failure.last = known.attempts + 1, known.first, now
      failure.batch = batch -- no two failures of an operation have the same value
      -- Many operations fail for one reason, whose text is kept once.
      if failure.reason then
        failure.because = string.sub(redis.sha1hex(failure.reason), 1, 16)
        redis.call('HSET', KEYS[6], failure.because, failure.reason)
        failure.reason = nil
      end
      redis.call('HSET', KEYS[4], field, cjson.encode(failure))
      redis.call('HDEL', KEYS[5], field) -- whoever discards the failed operation forgets its attempts too
      redis.call('HDEL', KEYS[3], field)
    end
  until cursor == '0' or #page[2] > 0
  if redis.call('EXISTS', KEYS[3]) == 1 then
    return 1
  end

  local surplus = tonumber(redis.call('HGET', KEYS[1], 'surplus')) or 0
  if redis.call('XLEN', KEYS[2]) + surplus == 0 then
    redis.call('UNLINK', KEYS[5])
  end
  return 0
end
