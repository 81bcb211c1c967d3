-- Removes a record: always, or when it is idle or due at a time.
-- ARGV: id, command, channel, message, always, idle or due, the time, and for due the entry that led here
local id, when, now = ARGV[1], ARGV[5], ARGV[6]
local record = redis.call('HMGET', KEYS[1], 'm', 'o', 'u')
local meta, owner, user = record[1], record[2], record[3]
if when == 'due' then
  local at = ARGV[7]
  if not meta or at ~= entry(id, owner, user) then
    -- Redis has forgotten the record by itself, or lost it and got another one; the entry knows what pointed to it.
    if redis.call('ZREM', KEYS[4], at) == 0 then return 0 end
    local ids, owners, rest = string.match(at, '^(%d+):(%d+):(.*)$')
    ids, owners = tonumber(ids), tonumber(owners)
    local lost_owner, lost_user = string.sub(rest, ids + 1, ids + owners), string.sub(rest, ids + owners + 1)
    if lost_owner ~= '' and lost_owner ~= owner then redis.call('ZREM', KEYS[5], member(lost_owner, id)) end
    if lost_user ~= '' and lost_user ~= user then redis.call('ZREM', KEYS[6], member(lost_user, id)) end
    if meta then return 0 end
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
    redis.call(ARGV[2], ARGV[3], ARGV[4])
    return 1
  end
  if deadline(meta) > now then return 0 end
end
if not meta then
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  return 0
end
if when == 'idle' and idle_since(meta) > now then return 0 end
redis.call('DEL', KEYS[1])
unindex(id, owner, user)
redis.call(ARGV[2], ARGV[3], ARGV[4])
return 1
