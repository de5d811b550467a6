-- Expires an owner's reservations that it no longer holds. A Redis that came back with older data does not know that they
-- were settled, and nobody will settle them again.
--
-- KEYS: what the owner holds.
-- ARGV: owner, 0, owner's time to live in ms, time to live of budgets without a period in ms, what becomes of the expired,
-- the prefix of keys, then the asks that are open.
-- Returns how many were expired, some at a time; and whether there may be more (1).
local MAX_EXPIRED = 500
local open, expired = {}, 0
for at = 7, #ARGV do open[ARGV[at]] = true end
for _, ask in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not open[ask] then
    if expired == MAX_EXPIRED then return {expired, 1} end
    local payload = redis.call('HGET', KEYS[1], ask)
    redis.call('HDEL', KEYS[1], ask)
    safely(expire_ask, payload, on_expiry)
    expired = expired + 1
  end
end
return {expired, 0}
