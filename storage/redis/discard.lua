-- Forgets all failed operations. A script, because a Redis that is out of memory takes no MULTI.
-- KEYS  failed
-- reply {'discarded', number discarded}
local n = redis.call('HLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
return {'discarded', n}
