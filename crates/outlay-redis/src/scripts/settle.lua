-- Settles asks, says that the owner lives, and expires what an owner held that does not. A batch that comes twice counts
-- once.
--
-- KEYS: owners, what the owner holds, what it has taken back, what was expired of it, its last batch.
-- ARGV: owner, number of the batch or 0, owner's time to live in ms, time to live of budgets without a period in ms, what
-- becomes of the expired (`spend` or `release`), the prefix of keys, then for each ask its number, whether it may yet be
-- reserved (1), its age in ms, how many budgets it has, and for each of them its base, period, spent, and soft limit or ''.
-- Returns 1 where the batch had come before; how many figures could not be written; how many reservations were expired;
-- and the soft limits that have been reached, as place of the ask, place of the budget, spent, reserved.
local owner, batch, ttl, idle, on_expiry, prefix =
  ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local KEPT = 7 * DAY
-- No command takes longer to arrive.
local LATE = 3600000
local lost, expired, reached = 0, 0, {}

local function unpacked(payload)
  local ok, held = pcall(cmsgpack.unpack, payload)
  return ok and type(held) == 'table' and held or nil
end

-- Nothing that is wrong with one key keeps the others from being written.
local function change(key, period, by_reserved, by_spent)
  local figures = redis.pcall('HMGET', key, 'spent', 'reserved')
  if figures.err then
    lost = lost + 1
    return
  end
  local s, r = add(figures[1] or '0', by_spent), add(figures[2] or '0', by_reserved)
  redis.call('HSET', key, 'spent', s, 'reserved', r)
  keep(key, period, idle)
  return s, r
end

local function period_of(key)
  local kind = string.match(key, ':(%a)%-?%d*$')
  return ({h = 'hour', d = 'day', m = 'month'})[kind] or 'ever'
end

-- What an owner held that has not been heard of: its calls may have been sent, and cost up to their bound. Some at a time.
local function expire(dead)
  local held_key, expired_key = prefix .. 'held:' .. dead, prefix .. 'expired:' .. dead
  local entries = redis.call('HSCAN', held_key, 0, 'COUNT', 100)[2]
  for i = 1, #entries, 2 do
    local held = unpacked(entries[i + 1]) or {}
    for n = 1, #held, 2 do
      local by_spent = on_expiry == 'spend' and held[n + 1] or '0'
      change(held[n], period_of(held[n]), '-' .. held[n + 1], by_spent)
    end
    redis.call('HDEL', held_key, entries[i])
    redis.call('HSET', expired_key, entries[i], cmsgpack.pack({on_expiry, held}))
    expired = expired + 1
  end
  if expired > 0 then redis.call('PEXPIRE', expired_key, KEPT) end
  if redis.call('EXISTS', held_key) == 0 then redis.call('ZREM', KEYS[1], dead) end
end

redis.call('ZADD', KEYS[1], now + ttl, owner)
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
if dead then expire(dead) end

if batch > 0 then
  if tonumber(redis.call('GET', KEYS[5]) or '0') >= batch then return {1, lost, expired, reached} end
  redis.call('SET', KEYS[5], ARGV[2], 'PX', KEPT)
end

local at, place = 7, 0
while at <= #ARGV do
  local ask, may_come, age, budgets = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local held, was = nil, 'none'
  local payload = redis.call('HGET', KEYS[2], ask)
  if payload then
    held, was = unpacked(payload), 'held'
    redis.call('HDEL', KEYS[2], ask)
  else
    payload = redis.call('HGET', KEYS[4], ask)
    local entry = payload and unpacked(payload)
    if entry then
      was, held = entry[1], entry[2]
      redis.call('HDEL', KEYS[4], ask)
    elseif may_come == '1' then
      redis.call('SADD', KEYS[3], ask)
      redis.call('PEXPIRE', KEYS[3], LATE)
    end
  end
  for n = 1, budgets do
    local base, period, spent, soft = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    local key, by_reserved, by_spent = nil, '0', spent
    if held then
      key = held[2 * n - 1]
      local units = held[2 * n]
      if was == 'held' then by_reserved = '-' .. units end
      if was == 'spend' then
        local s = change(key, period, '0', '-' .. units)
        if not s then by_spent = '0' end
      end
    else
      key = key_at(base, period, now - age)
    end
    if by_spent ~= '0' or by_reserved ~= '0' then
      local s, r = change(key, period, by_reserved, by_spent)
      if s and soft ~= '' and not exceeds(soft, s) and redis.call('HSETNX', key, 'told', '1') == 1 then
        table.insert(reached, {place, n - 1, s, r})
      end
    end
  end
  place = place + 1
end
return {0, lost, expired, reached}
