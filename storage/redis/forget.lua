-- Forgets failed operations that still are as they were read: an operation may have been retried meanwhile, or failed once more.
-- KEYS  state, failed, reasons
-- ARGV  token, batch, attempt of the caller or three times '' (an operator), then for each: field, value
-- reply {'forgotten', number forgotten} or {'superseded'}
-- A late copy finds none of them: no two failures have the same value.
if ARGV[1] ~= '' then
  local token, batch, attempt = unpack(redis.call('HMGET', KEYS[1], 'token', 'batch', 'attempt'))
  if token ~= ARGV[1] or batch ~= ARGV[2] or (attempt and tonumber(attempt) > tonumber(ARGV[3])) then
    return {'superseded'}
  end
end
local n = 0
for i = 4, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    n = n + redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('UNLINK', KEYS[3])
end
return {'forgotten', n}
