-- ARGV: ms to keep payloads, (priority, depth)*2; then per job: id, priority, work, idempotency key, digest,
-- expires, its own number of attempts or '', origin, number of payloads, (name, bytes)*.
-- Returns per job: {new, created} | {old, id} | {conflict, id} | {full, ms that the oldest job has waited}.
local room = {}
for at = 2, 4, 2 do
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

local answers, at = {}, 6
while at <= #ARGV do
  local id, priority, work, key, digest, expires, most, origin = unpack(ARGV, at, at + 7)
  local payloads = tonumber(ARGV[at + 8])
  local answer = find_existing(id, key, digest)
  if not answer and room[priority] < 1 then
    answer = { 'full', oldest(priority) }
  elseif not answer then
    local names = {}
    for payload = 1, payloads do
      local name, data = ARGV[at + 7 + 2 * payload], ARGV[at + 8 + 2 * payload]
      redis.call('HSETNX', key_of('blob', name), 'data', data)
      redis.call('HINCRBY', key_of('blob', name), 'references', 1)
      redis.call('PEXPIRE', key_of('blob', name), ARGV[1])
      names[payload] = name
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
  at = at + 9 + 2 * payloads
end
return answers
