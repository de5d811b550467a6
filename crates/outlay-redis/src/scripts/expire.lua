-- The part after common.lua of the scripts that expire reservations. ARGV[4] is the time to live of budgets without
-- a period in ms, and ARGV[5] what happens to expired reservations: `spend` or `release`.
local idle, on_expiry = tonumber(ARGV[4]), ARGV[5]
local lost = 0
-- The maximum number of budgets to change at once, because Redis is blocked meanwhile.
local MAX_HOLDS = 512

local function unpacked(payload)
  local ok, held = pcall(cmsgpack.unpack, payload)
  return ok and type(held) == 'table' and held or nil
end

-- Changes one budget. An invalid key is counted as lost, and does not prevent the others from being written.
local function change(key, period, by_reserved, by_spent)
  local s, r = figures_of(key)
  if not s then
    lost = lost + 1
    return
  end
  s, r = add(s, by_spent), add(r, by_reserved)
  redis.call('HSET', key, 'spent', s, 'reserved', r)
  keep(key, period, idle)
  return s, r
end

-- Counts an error in `act` as one loss.
local function safely(act, ...)
  local ok, result = pcall(act, ...)
  if ok then return result end
  lost = lost + 1
end

local function period_of(key)
  local kind = string.match(key, ':(%a)%-?%d*$')
  return ({h = 'hour', d = 'day', m = 'month'})[kind] or 'ever'
end

-- Returns an owner's own expiry rule, which is the suffix of its name.
local function on_expiry_of(owner)
  return string.match(owner, '%-(%a+)$') or on_expiry
end

-- Expires one reservation, and returns what it held.
local function expire_ask(payload, how)
  local held = unpacked(payload) or {}
  for n = 1, #held, 2 do
    local by_spent = how == 'spend' and held[n + 1] or '0'
    change(held[n], period_of(held[n]), '-' .. held[n + 1], by_spent)
  end
  return held
end
