-- Whether a record has a stamp. ARGV: the stamp
local meta = redis.call('HGET', KEYS[1], 'm')
if not meta then return 'none' end
if string.sub(meta, 1, 40) ~= ARGV[1] then return 'conflict' end
return 'written'
