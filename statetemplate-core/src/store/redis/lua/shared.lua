-- What all scripts share. Redis runs a script as a whole, so a record, what points to it and the news of it change
-- together. KEYS: the record, then the indexes: established and provisional sessions by idle time, all by deadline, by
-- owner, by user.
--
-- A record is a hash: m its numbers, each with twenty digits so that they compare as text (epoch, writes, last access,
-- expiry, absolute expiry, connected until) and e or p for its class; d its bytes; n who wrote it; o and u its owner and
-- user, each after an equals sign, or nothing.

local function number(meta, n)
  return string.sub(meta, n * 20 - 19, n * 20)
end

local function later(a, b)
  if a < b then return b end
  return a
end

local function idle_since(meta)
  return later(number(meta, 3), number(meta, 6))
end

local function deadline(meta)
  local sliding, absolute = number(meta, 4), number(meta, 5)
  if sliding < absolute then return sliding end
  return absolute
end

-- Where a record is in the index of deadlines: enough to take it out of all indexes when the record is lost.
local function entry(id, owner, user)
  return #id .. ':' .. #owner .. ':' .. id .. owner .. user
end

-- Where it is in the index of owners or users.
local function member(name, id)
  return (#name - 1) .. ':' .. string.sub(name, 2) .. id
end

local function unindex(id, owner, user)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[4], entry(id, owner, user))
  if owner ~= '' then redis.call('ZREM', KEYS[5], member(owner, id)) end
  if user ~= '' then redis.call('ZREM', KEYS[6], member(user, id)) end
end

-- The numbers of a record have changed, its class, owner and user have not.
local function reindex(meta, id, owner, user)
  redis.call('ZADD', KEYS[string.sub(meta, 121) == 'p' and 3 or 2], idle_since(meta), id)
  redis.call('ZADD', KEYS[4], deadline(meta), entry(id, owner, user))
end

-- Redis forgets by itself what no cleaning removed, an hour late.
local function expire(meta)
  local at = tonumber(deadline(meta)) + 3600000
  if at < 253402300800000 then
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', at))
  else
    redis.call('PERSIST', KEYS[1])
  end
end

