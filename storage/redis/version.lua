-- Versions of batches and versions without a claim come from one counter: they grow and never repeat, whatever the clock does.
-- Defined behind epoch.lua, before the scripts that mint.
-- KEYS  state first

-- mint returns the next version: at least the last one plus one, the clock in µs, and the floor plus one. It returns nil if the floor
-- is '' and must be known: no version is, or another server has replaced the one that minted the last version. The new server may
-- lack that version, and its clock may be behind.
local function mint(floor)
  local version, replication = unpack(redis.call('HMGET', KEYS[1], 'version', 'replication'))
  local answered, info = pcall(redis.call, 'INFO', 'replication')
  local server = answered and type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
  if (not version or (replication or '') ~= server) and floor == '' then
    return nil
  end
  version = version or '0'
  if less(version, floor) then
    version = floor
  end
  redis.call('HDEL', KEYS[1], '') -- out of memory too: see presync.lua
  local time = redis.call('TIME')
  local now = time[1] .. string.format('%06d', time[2])
  if less(version, now) then
    redis.call('HSET', KEYS[1], 'version', now, 'replication', server)
  else
    redis.call('HSET', KEYS[1], 'version', version, 'replication', server)
    redis.call('HINCRBY', KEYS[1], 'version', 1)
  end
  return redis.call('HGET', KEYS[1], 'version')
end
