-- ARGV: ms to keep payloads, bytes of payloads, bytes of ended jobs, (priority, depth)*2; then per job: id, priority,
-- work, idempotency key, digest, expires, its own number of attempts or '', 1 if it follows up, origin, number of
-- payloads, (name, bytes)*.
-- Returns per job: {new, created} | {old, id} | {conflict, id} | {stored, ''} if ended jobs take too many bytes
-- | {full or heavy, ms that the oldest job has waited}: too many jobs wait, or too many bytes.
local payload_bytes, ended_bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local room = {}
for at = 4, 6, 2 do
  local priority = ARGV[at]
  local taken = redis.call('XLEN', stream_of(priority)) + redis.call('ZCARD', key_of('delayed', priority))
  room[priority] = ARGV[at + 1] - taken
end

local function oldest(priority)
  local first = redis.call('XRANGE', stream_of(priority), '-', '+', 'COUNT', 1)[1]
  return first and now - string.match(first[1], '^%d+') or 0
end

local function find_existing(id, key, digest)
  if redis.call('EXISTS', job_of(id)) == 1 then
    return { 'old', id } -- a repeated command whose reply was lost
  end
  local other = key ~= '' and redis.call('GET', key_of('key', key))
  if not other or redis.call('EXISTS', job_of(other)) == 0 then
    return nil
  end
  return { redis.call('HGET', job_of(other), 'digest') == digest and 'old' or 'conflict', other }
end

local function bytes_to_add(first, last)
  local bytes = 0
  for payload = first, last, 2 do
    if redis.call('EXISTS', key_of('blob', ARGV[payload])) == 0 then
      bytes = bytes + #ARGV[payload + 1]
    end
  end
  return bytes
end

local function find_reason_to_refuse(priority, follows_up, bytes)
  if room[priority] < 1 then
    return { 'full', oldest(priority) }
  elseif bytes > 0 and total_bytes('payloads') + bytes > payload_bytes then
    return { 'heavy', oldest(priority) }
  elseif follows_up ~= '1' and total_bytes('ended') >= ended_bytes then
    return { 'stored', '' }
  end
end

local answers, at = {}, 8
while at <= #ARGV do
  local id, priority, work, key, digest, expires, most, follows_up, origin = unpack(ARGV, at, at + 8)
  local payloads = tonumber(ARGV[at + 9])
  local first, last = at + 10, at + 8 + 2 * payloads
  local answer = find_existing(id, key, digest)
    or find_reason_to_refuse(priority, follows_up, bytes_to_add(first, last))
  if not answer then
    local names = {}
    for payload = first, last, 2 do
      local name, data = ARGV[payload], ARGV[payload + 1]
      redis.call('HSETNX', key_of('blob', name), 'data', data)
      redis.call('HINCRBY', key_of('blob', name), 'references', 1)
      redis.call('PEXPIRE', key_of('blob', name), ARGV[1])
      count_bytes('payloads', name, #data, now + ARGV[1])
      names[#names + 1] = name
    end
    enqueue(id, priority, 0, 'work', work, 'blobs', table.concat(names, ' '), 'priority', priority,
      'created', now, 'expires', expires, 'most', most, 'key', key, 'digest', digest, 'origin', origin)
    if key ~= '' then
      redis.call('SET', key_of('key', key), id)
    end
    room[priority] = room[priority] - 1
    answer = { 'new', now }
  end
  answers[#answers + 1] = answer
  at = at + 10 + 2 * payloads
end
return answers
