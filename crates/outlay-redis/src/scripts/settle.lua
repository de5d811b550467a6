-- Settles asks, records a heartbeat of the owner, and expires reservations of a dead owner. A batch that arrives twice
-- counts once.
--
-- KEYS: owners, the owner's reservations, its withdrawn asks, its expired reservations, its last batch.
-- ARGV: owner, number of the batch or 0, owner's time to live in ms, time to live of budgets without a period in ms, what
-- happens to expired reservations (`spend` or `release`), the prefix of keys, the last batch that the owner knows to be
-- written, then for each ask its number, whether it may still be reserved (1), its age in ms, its number of budgets, and
-- for each of them its base, period, spent, and soft limit or ''.
-- Returns the time in ms; how many figures could not be written; how many reservations were expired; whether there is more
-- to expire (1); whether written batches are missing (1); the reached soft limits, as index of the ask, index of the
-- budget, spent, reserved; and the current usage of each budget, as index of the ask, index of the budget, spent,
-- used, ms until its period ends.
local owner, batch, ttl, prefix, confirmed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6], tonumber(ARGV[7])
local RECORD_TTL = 7 * DAY
-- How long a withdrawn ask is remembered. No command takes longer to arrive.
local WITHDRAWN_TTL = 300000
local expired, reached, budgets_to_report = 0, {}, {}

-- Expires some reservations of a dead owner, by its own rule. Returns whether it holds more.
local function expire(dead)
  local held_key, expired_key = prefix .. 'held:' .. dead, prefix .. 'expired:' .. dead
  local how = on_expiry_of(dead)
  -- Not HSCAN: after many deletions it returns empty pages for a long time.
  local entries = redis.call('HRANDFIELD', held_key, 100, 'WITHVALUES')
  local holds = 0
  for i = 1, #entries, 2 do
    if holds >= MAX_HOLDS then break end
    redis.call('HDEL', held_key, entries[i])
    local held = safely(expire_ask, entries[i + 1], how)
    holds = holds + (held and #held / 2 or 1)
    -- A late settlement corrects what was expired.
    if held then redis.call('HSET', expired_key, entries[i], cmsgpack.pack({how, held})) end
    expired = expired + 1
  end
  if expired > 0 then redis.call('PEXPIRE', expired_key, RECORD_TTL) end
  return redis.call('EXISTS', held_key) == 1
end

-- While Redis was down or blocked, no process could send a heartbeat, so all get their full time again.
local sign_key = prefix .. 'sign'
local last_sign = tonumber(redis.call('GET', sign_key) or '')
if last_sign and now - last_sign > ttl / 2 then
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now + ttl)) do
    redis.call('ZADD', KEYS[1], now + ttl, other)
  end
end
redis.call('SET', sign_key, string.format('%.0f', now), 'PX', RECORD_TTL)
redis.call('ZADD', KEYS[1], now + ttl, owner)
expire_when_idle(KEYS[1], idle)
expire_when_idle(KEYS[2], idle)
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
if dead then
  if safely(expire, dead) then
    -- Moves it behind the other dead owners.
    redis.call('ZADD', KEYS[1], now, dead)
  else
    redis.call('ZREM', KEYS[1], dead)
  end
end
local more = dead and redis.call('ZCOUNT', KEYS[1], '-inf', now) > 0 and 1 or 0

-- A number that ends with `?` belongs to a batch that was started but not completed: part of it is lost.
local stored = redis.call('GET', KEYS[5]) or ''
local last, is_torn = tonumber(string.match(stored, '^%d+')) or 0, string.find(stored, '?', 1, true)
local is_new = batch > last
-- The mark stays until the owner has reconciled its reservations, because this answer may be lost.
local older_key = prefix .. 'older:' .. owner
if last < confirmed then redis.call('SET', older_key, '1', 'PX', RECORD_TTL) end
local is_older = redis.call('EXISTS', older_key)
if batch == 0 then redis.call('PEXPIRE', KEYS[5], RECORD_TTL) end
if batch > 0 and is_new then redis.call('SET', KEYS[5], ARGV[2] .. '?', 'PX', RECORD_TTL) end

-- Removes the reservation of an ask. Returns its budgets and units, and whether it is `held` or was expired by `spend` or
-- `release`; or nothing if there is none.
local function take(ask, may_be_reserved)
  -- Even if the reservation has arrived, because it may arrive again.
  if may_be_reserved then
    redis.call('ZADD', KEYS[3], now, ask)
    redis.call('PEXPIRE', KEYS[3], WITHDRAWN_TTL)
  end
  local payload = redis.call('HGET', KEYS[2], ask)
  if payload then
    redis.call('HDEL', KEYS[2], ask)
    return unpacked(payload), 'held'
  end
  payload = redis.call('HGET', KEYS[4], ask)
  local entry = payload and unpacked(payload)
  if entry then
    redis.call('HDEL', KEYS[4], ask)
    return entry[2], entry[1]
  end
end
redis.pcall('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - WITHDRAWN_TTL)

local function settle(ask_index, n, key, period, by_reserved, by_spent, soft)
  local s, r = change(key, period, by_reserved, by_spent)
  if s and soft ~= '' and not exceeds(soft, s) then
    -- Reported once, and again if the soft limit has been raised since.
    local reported = redis.call('HGET', key, 'told')
    if not reported or exceeds(soft, reported) then
      redis.call('HSET', key, 'told', soft)
      table.insert(reached, {ask_index, n, s, r})
    end
  end
end

local at, ask_index, seen_bases = 8, 0, {}
while at <= #ARGV do
  local ask, may_be_reserved, age, budgets = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local held, was
  if is_new then
    local ok
    ok, held, was = pcall(take, ask, may_be_reserved)
    -- The spending is still written, to the period of the ask.
    if not ok then held, was, lost = nil, nil, lost + 1 end
  elseif is_torn and batch == last then
    lost = lost + budgets
  end
  for n = 0, budgets - 1 do
    local base, period, by_spent, soft = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    if is_new then
      local key, by_reserved = held and held[2 * n + 1], '0'
      if key then
        local units = held[2 * n + 2]
        if was == 'held' then by_reserved = '-' .. units end
        if was == 'spend' and not safely(change, key, period, '0', '-' .. units) then by_spent = '0' end
      else
        key = key_at(base, period, now - age)
      end
      if by_spent ~= '0' or by_reserved ~= '0' then
        safely(settle, ask_index, n, key, period, by_reserved, by_spent, soft)
      end
    end
    if not seen_bases[base] then
      seen_bases[base] = true
      table.insert(budgets_to_report, {ask_index, n, base, period})
    end
  end
  ask_index = ask_index + 1
end
if batch > 0 and is_new then redis.call('SET', KEYS[5], ARGV[2], 'PX', RECORD_TTL) end

local used = {}
for _, budget in ipairs(budgets_to_report) do
  local s, r = figures_of(key_at(budget[3], budget[4], now))
  if s then used[#used + 1] = {budget[1], budget[2], s, add(s, r), left_of(budget[4], now)} end
end
return {now, lost, expired, more, is_older, reached, used}
