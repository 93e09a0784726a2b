-- Number of lasting keys of the selected database, and a sum over hashes of them and their values:
-- whatever their order, and however the server keeps them. Keys that expire are left out: they go
-- by themselves.
local function in_order(key, kind)
  if kind == 'string' then return { redis.call('GET', key) } end
  if kind == 'list' then return redis.call('LRANGE', key, 0, -1) end
  if kind == 'zset' then return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'set' then
    local members = redis.call('SMEMBERS', key)
    table.sort(members)
    return members
  end
  local parts = {}
  if kind == 'hash' then
    local flat, fields, values = redis.call('HGETALL', key), {}, {}
    for at = 1, #flat, 2 do
      fields[#fields + 1] = flat[at]
      values[flat[at]] = flat[at + 1]
    end
    table.sort(fields)
    for _, field in ipairs(fields) do
      parts[#parts + 1] = field
      parts[#parts + 1] = values[field]
    end
  elseif kind == 'stream' then
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
      parts[#parts + 1] = entry[1]
      for _, word in ipairs(entry[2]) do parts[#parts + 1] = word end
      parts[#parts + 1] = ''
    end
  else
    parts[1] = redis.call('DUMP', key)
  end
  return parts
end

local function hash(key)
  local kind = redis.call('TYPE', key).ok
  local parts = in_order(key, kind)
  for at, part in ipairs(parts) do parts[at] = #part .. ':' .. part end
  return redis.sha1hex(kind .. ' ' .. #key .. ':' .. key .. table.concat(parts))
end

-- A key can be met twice while the server makes its tables smaller: then all is counted again.
for _ = 1, 3 do
  local seen, lasting, sums, cursor = 0, 0, { 0, 0, 0 }, '0'
  repeat
    local found = redis.call('SCAN', cursor, 'COUNT', 1000)
    cursor = found[1]
    for _, key in ipairs(found[2]) do
      seen = seen + 1
      if redis.call('PTTL', key) == -1 then
        lasting = lasting + 1
        local hex = hash(key)
        for at = 1, 3 do
          local part = tonumber(hex:sub(at * 12 - 11, at * 12), 16)
          sums[at] = (sums[at] + part) % 281474976710656
        end
      end
    end
  until cursor == '0'
  if seen == redis.call('DBSIZE') then
    return string.format('%d %012x%012x%012x', lasting, sums[1], sums[2], sums[3])
  end
end
return redis.error_reply('the keys cannot be counted: they change')
