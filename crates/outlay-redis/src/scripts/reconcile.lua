-- Expires an owner's reservations that are no longer open. A Redis that came back with older data does not know that they
-- were settled, and they will not be settled again.
--
-- KEYS: the owner's reservations, its last batch.
-- ARGV: owner, the last batch that it knows to be written, owner's time to live in ms, time to live of budgets without a
-- period in ms, what happens to expired reservations, the prefix of keys, then the open asks.
-- Returns how many were expired, which is limited per run, and whether there may be more (1).
local open, expired, holds = {}, 0, 0
for at = 7, #ARGV do open[ARGV[at]] = true end
for _, ask in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not open[ask] then
    if holds >= MAX_HOLDS then return {expired, 1} end
    local payload = redis.call('HGET', KEYS[1], ask)
    redis.call('HDEL', KEYS[1], ask)
    local held = safely(expire_ask, payload, on_expiry)
    expired, holds = expired + 1, holds + (held and #held / 2 or 1)
  end
end
-- Lets a later rollback to the same data be detected again.
local last = tonumber(string.match(redis.call('GET', KEYS[2]) or '', '^%d+')) or 0
if last < tonumber(ARGV[2]) then redis.call('SET', KEYS[2], ARGV[2], 'PX', 7 * DAY) end
redis.call('DEL', ARGV[6] .. 'older:' .. ARGV[1])
return {expired, 0}
