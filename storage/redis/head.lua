-- Finds the oldest entry that has operations waiting or claimed. Entries of a batch that ended stay until they are tidied away.
-- KEYS  state, queue
-- reply {'head', entry ID or '' if there is none}
local last, skip = unpack(redis.call('HMGET', KEYS[1], 'ended_last', 'skip'))
local from = '-'
if last then
  from = (skip and skip ~= '0') and last or '(' .. last -- a batch may have ended inside its last entry
end
local entry = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', 1)[1]
return {'head', entry and entry[1] or ''}
