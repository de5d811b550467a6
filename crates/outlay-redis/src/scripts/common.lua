-- The common part of all scripts. Amounts are integers of the smallest unit, as decimal digits. They exceed the exact range
-- of Lua numbers, so each is split into two parts, and the lower part has 12 digits.
local BASE = 1000000000000
local DAY = 86400000

local function split(text)
  local length = #text
  if length <= 12 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, length - 12)), tonumber(string.sub(text, length - 11))
end

local function join(high, low)
  if high == 0 then return string.format('%.0f', low) end
  return string.format('%.0f%012.0f', high, low)
end

local function add(a, b)
  if string.sub(a, 1, 1) == '-' then a, b = b, a end
  local is_negative = string.sub(b, 1, 1) == '-'
  local ah, al = split(a)
  local bh, bl = split(is_negative and string.sub(b, 2) or b)
  if is_negative then
    ah, al = ah - bh, al - bl
    if al < 0 then ah, al = ah - 1, al + BASE end
    -- A budget is never below zero.
    if ah < 0 then return '0' end
  else
    ah, al = ah + bh, al + bl
    if al >= BASE then ah, al = ah + 1, al - BASE end
  end
  return join(ah, al)
end

local function exceeds(a, limit)
  if string.sub(limit, 1, 1) == '-' then return true end
  local ah, al = split(a)
  local lh, ll = split(limit)
  return ah > lh or (ah == lh and al > ll)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Returns year * 12 + month, from the days since 1970.
local function month(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local of_era = z - era * 146097
  local leap_days = math.floor(of_era / 1460) - math.floor(of_era / 36524) + math.floor(of_era / 146096)
  local year = math.floor((of_era - leap_days) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local m = math.floor((5 * of_year + 2) / 153)
  m = m < 10 and m + 3 or m - 9
  year = year + era * 400
  if m <= 2 then year = year + 1 end
  return year * 12 + m
end

-- Returns the ms until the period ends, or -1 if it does not end.
local function left_of(period, at)
  if period == 'hour' then return 3600000 - at % 3600000 end
  if period == 'day' then return DAY - at % DAY end
  if period ~= 'month' then return -1 end
  local current = month(math.floor(at / DAY))
  -- The next month.
  local year, m = math.floor(current / 12), current % 12 + 1
  if m <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * (m > 2 and m - 3 or m + 9) + 2) / 5)
  local days = of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year
  return (era * 146097 + days - 719468) * DAY - at
end

-- Returns the key of a budget in the period at a time. Periods follow the clock of Redis, whichever process asks. A base
-- may contain any byte, and %s of string.format would truncate it at a zero byte.
local function key_at(base, period, at)
  if period == 'hour' then return base .. string.format(':h%.0f', math.floor(at / 3600000)) end
  if period == 'day' then return base .. string.format(':d%.0f', math.floor(at / DAY)) end
  if period == 'month' then return base .. string.format(':m%.0f', month(math.floor(at / DAY))) end
  return base .. ':e'
end

-- Keeps a key for a day after its period, for late settlements.
local function keep(key, period, idle)
  local left = idle
  if period == 'hour' then left = 3600000 + DAY end
  if period == 'day' then left = 2 * DAY end
  if period == 'month' then left = 32 * DAY end
  redis.call('PEXPIRE', key, left)
end

-- Sets the time to live of records of processes: without new ones, they live at least as long as any budget.
local function expire_when_idle(key, idle)
  redis.call('PEXPIRE', key, math.max(idle, 33 * DAY))
end

-- Returns spent and reserved, or nothing if the key holds other data or invalid figures.
local function figures_of(key)
  local found = redis.pcall('HMGET', key, 'spent', 'reserved')
  if found.err then return end
  local s, r = found[1] or '0', found[2] or '0'
  if string.find(s .. '/' .. r, '^%d+/%d+$') then return s, r end
end
