-- Reserves for one call in all of its budgets, or in none.
--
-- KEYS: owners, the owner's reservations, its withdrawn asks, then the budgets.
-- ARGV: owner, ask, owner's time to live in ms, time to live of budgets without a period in ms, then for each budget its
-- period, units, limit, and whether it is observed.
-- Returns 0, the budgets that would have refused, and for each budget its index, spent, used, and the ms until its period
-- ends;
-- or 1 and the refusing budget's index, spent, reserved, and ms until its period ends; or 2 if the ask was withdrawn.
local owner, ask, ttl, idle = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('ZSCORE', KEYS[3], ask) then return {2} end
-- The client of a cluster may send an ask twice.
if redis.call('HEXISTS', KEYS[2], ask) == 1 then return {0, {}, {}} end

local keys, reserved, used, would_refuse = {}, {}, {}, {}
for i = 4, #KEYS do
  local at = 5 + (i - 4) * 4
  local period, units, limit, observed = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local key, left = key_at(KEYS[i], period, now), left_of(period, now)
  local s, r = figures_of(key)
  if not s then return redis.error_reply('WRONGTYPE the key of a budget holds other data: ' .. key) end
  if exceeds(add(add(s, r), units), limit) then
    if observed == '0' then return {1, i - 4, s, r, left} end
    table.insert(would_refuse, {i - 4, s, r})
  end
  keys[#keys + 1], reserved[#reserved + 1] = key, add(r, units)
  used[#used + 1] = {i - 4, s, add(s, reserved[#reserved]), left}
end

local held = {}
for n, key in ipairs(keys) do
  held[#held + 1], held[#held + 2] = key, ARGV[6 + (n - 1) * 4]
end
-- Commands that may fail come first, so that no figure is changed without a reservation that would correct it.
redis.call('ZADD', KEYS[1], now + ttl, owner)
redis.call('HSET', KEYS[2], ask, cmsgpack.pack(held))
expire_when_idle(KEYS[2], idle)
for n, key in ipairs(keys) do
  redis.call('HSET', key, 'reserved', reserved[n])
  keep(key, ARGV[5 + (n - 1) * 4], idle)
end
return {0, would_refuse, used}
