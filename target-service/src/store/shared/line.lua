-- The waiting queue in one step: nothing else happens in the cache meanwhile, so the order is strict and the limit
-- never exceeded. KEYS[1] is the prefix of all keys of this world. ARGV: what to do, the present, how long an
-- active token lives, how long one that waits is kept without being asked after (all in milliseconds), the most
-- active ones (0 for no limit), then a token or a user.
local prefix, act = KEYS[1], ARGV[1]
local now, life, patience, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local active, waiting, kept = prefix .. ':active', prefix .. ':waiting', prefix .. ':kept'
-- Keys outlive what they say by far: their own expiry only clears away what nobody asks after.
local age = patience + life + 60000

local function key_of(token) return prefix .. ':token:' .. token end
local function newest_of(user) return prefix .. ':newest:' .. user end

local function forget(token)
  local user = redis.call('HGET', key_of(token), 'user')
  redis.call('DEL', key_of(token))
  if user and redis.call('GET', newest_of(user)) == token then redis.call('DEL', newest_of(user)) end
end

local function activate(token)
  redis.call('HSET', key_of(token), 'until', now + life)
  redis.call('PEXPIRE', key_of(token), life + 60000)
  redis.call('ZADD', active, now + life, token)
end

local function move_up()
  repeat
    local over = redis.call('ZRANGEBYSCORE', active, '-inf', now, 'LIMIT', 0, 200)
    for _, token in ipairs(over) do
      redis.call('ZREM', active, token)
      forget(token)
    end
    -- Without a limit nobody waits for them to go, so a part is enough.
  until limit == 0 or #over < 200
  while limit > 0 and redis.call('ZCARD', active) < limit do
    local token = redis.call('ZPOPMIN', waiting)[1]
    if not token then break end
    local given_up = tonumber(redis.call('ZSCORE', kept, token) or 0)
    redis.call('ZREM', kept, token)
    if given_up > now and redis.call('EXISTS', key_of(token)) == 1 then activate(token) else forget(token) end
  end
end

-- User, position (0 for an active one) and end of a token; nothing if it is gone.
local function ask(token)
  local found = redis.call('HMGET', key_of(token), 'user', 'until')
  if not found[1] then return false end
  if found[2] then
    if tonumber(found[2]) > now then return { found[1], 0, tonumber(found[2]), token } end
    redis.call('ZREM', active, token)
    forget(token)
    return false
  end
  local rank = redis.call('ZRANK', waiting, token)
  if not rank then
    forget(token)
    return false
  end
  redis.call('ZADD', kept, now + patience, token)
  redis.call('PEXPIRE', key_of(token), age)
  redis.call('PEXPIRE', newest_of(found[1]), age)
  return { found[1], rank + 1, 0, token }
end

move_up()
if act == 'enter' then
  local token, user = ARGV[6], ARGV[7]
  redis.call('HSET', key_of(token), 'user', user)
  redis.call('SET', newest_of(user), token, 'PX', age)
  -- After moving up there is room only if nobody waits for it.
  if limit == 0 or redis.call('ZCARD', active) < limit then
    activate(token)
  else
    redis.call('ZADD', waiting, redis.call('INCR', prefix .. ':tickets'), token)
  end
  return ask(token)
elseif act == 'ask' then
  return ask(ARGV[6])
elseif act == 'find' then
  local token = redis.call('GET', newest_of(ARGV[6]))
  return token and ask(token)
elseif act == 'leave' then
  local found = ask(ARGV[6])
  if not found then return false end
  redis.call('ZREM', active, ARGV[6])
  redis.call('ZREM', waiting, ARGV[6])
  redis.call('ZREM', kept, ARGV[6])
  forget(ARGV[6])
  move_up()
  return found
elseif act == 'sweep' then
  for _, token in ipairs(redis.call('ZRANGEBYSCORE', kept, '-inf', now, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', kept, token)
    redis.call('ZREM', waiting, token)
    forget(token)
  end
  return false
else
  return { '', redis.call('ZCOUNT', active, '(' .. ARGV[2], '+inf'), redis.call('ZCARD', waiting), '' }
end
