-- Creates a record, or replaces it when it has the stamp that is expected.
-- ARGV: id, numbers, bytes, writer, owner, user, expected stamp or nothing, command, channel, message
local id, meta, writer, owner, user, expected = ARGV[1], ARGV[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local before = redis.call('HMGET', KEYS[1], 'm', 'n', 'o', 'u')
if before[1] then
  -- The same write once more, because its answer was lost with the connection.
  if before[2] == writer then return 'written' end
  if expected == '' then return 'exists' end
  if string.sub(before[1], 1, 40) ~= expected then return 'conflict' end
elseif expected ~= '' then
  return 'none'
end
redis.call('HSET', KEYS[1], 'm', meta, 'd', ARGV[3], 'n', writer, 'o', owner, 'u', user)
local same = before[1] and before[3] == owner and before[4] == user
  and string.sub(before[1], 121) == string.sub(meta, 121)
if before[1] and not same then unindex(id, before[3], before[4]) end
reindex(meta, id, owner, user)
if not same and owner ~= '' then redis.call('ZADD', KEYS[5], 0, member(owner, id)) end
if not same and user ~= '' then redis.call('ZADD', KEYS[6], 0, member(user, id)) end
expire(meta)
if expected ~= '' then redis.call(ARGV[8], ARGV[9], ARGV[10]) end
return 'written'
