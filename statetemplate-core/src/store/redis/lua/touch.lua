-- Moves a record's times on. ARGV: id, last access, expiry, connected until or nothing
local record = redis.call('HMGET', KEYS[1], 'm', 'o', 'u')
local meta = record[1]
if not meta then return 'none' end
meta = string.sub(meta, 1, 40) .. later(number(meta, 3), ARGV[2]) .. later(number(meta, 4), ARGV[3])
  .. number(meta, 5) .. (ARGV[4] ~= '' and ARGV[4] or number(meta, 6)) .. string.sub(meta, 121)
redis.call('HSET', KEYS[1], 'm', meta)
reindex(meta, ARGV[1], record[2], record[3])
expire(meta)
return 'written'
