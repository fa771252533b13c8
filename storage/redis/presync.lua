-- Makes the caller the claimant if there is something to sync.
-- KEYS  state, queue, ended
-- ARGV  token, lease in ms, settle in ms, token of a claimant known to have ended, epoch that the caller saw or '', owner or ''
-- reply {'untidy'} (call tidy and again), {'moved', epoch} (call again with this epoch), {'idle', kept}, {'claimed', holder},
--       {'foreign', owner} (another installation's import key) or {'started', kept, 1 if taken over else 0}
-- A late copy finds another epoch and changes nothing; of an import key that nobody claims and nothing waits for it says, as any
-- idle sync does, that there was one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, until_, batch, surplus, ended_last, owner = unpack(redis.call('HMGET', KEYS[1],
  'token', 'lease_until', 'batch', 'surplus', 'ended_last', 'owner'))
if owner and ARGV[6] ~= '' and owner ~= ARGV[6] then
  return {'foreign', owner}
end
local other = holder and holder ~= ARGV[1]
if other and tonumber(until_) > now and holder ~= ARGV[4] then
  return {'claimed', holder}
end
if ended_last or redis.call('EXISTS', KEYS[3]) == 1 then
  return {'untidy'}
end

local kept = redis.call('XLEN', KEYS[2]) + (tonumber(surplus) or 0)
local settled = kept > 0
if settled and tonumber(ARGV[3]) > 0 then
  local young = string.format('%.0f', now - tonumber(ARGV[3]))
  settled = #redis.call('XRANGE', KEYS[2], '-', young, 'COUNT', 1) > 0
end
if (holder or batch or settled) and ARGV[5] ~= epoch() then
  return {'moved', epoch()}
end

-- Out of memory, Redis refuses a script's first write if it could take memory, and none after that. Syncs are what makes room, so
-- their scripts begin with one that could not: no field has this name.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'last_sync', string.format('%.0f', now))
if not batch and not settled then
  redis.call('HDEL', KEYS[1], 'failing')
  if holder then
    redis.call('HDEL', KEYS[1], 'token', 'lease_until')
    next_epoch()
  end
  return {'idle', kept}
end
if other then
  redis.call('HDEL', KEYS[1], 'attempt') -- the new claimant counts its own
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'lease_until', string.format('%.0f', now + tonumber(ARGV[2])))
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'owner', ARGV[6])
end
next_epoch()
return {'started', kept, other and 1 or 0}
