-- Stands in front of every other script. One script is one step that nobody sees half of, on AOF and replicas too.
-- KEYS[1] is the root that all names begin with: its braces put all of the queue in one slot of a cluster.
local root = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) -- ms, by the one clock that all processes share
local GROUP = 'workers'
local WORKER = 'worker' -- one name for all: a job's `run` says whose it is, and no dead names pile up
local EVENTS_KEPT = 64

local function key_of(kind, name)
  return root .. ':' .. kind .. ':' .. name
end

local function job_of(id)
  return key_of('job', id)
end

local function stream_of(priority)
  return key_of('stream', priority)
end

-- How often a job may be tried: its own number, or the queue's.
local function most_of(id, attempts)
  return tonumber(redis.call('HGET', job_of(id), 'most') or '') or attempts
end

-- `facts` is JSON, or absent. Answers the event's number, which the caller writes to the job as `events`.
local function record(id, event, facts, before)
  local number = (tonumber(before) or 0) + 1
  local line = '{"number":' .. number .. ',"name":"' .. event .. '","at":' .. string.format('%.0f', now)
  line = line .. ',"facts":' .. ((facts and facts ~= '') and facts or '{}') .. '}'
  redis.call('RPUSH', key_of('events', id), line)
  if number > EVENTS_KEPT then
    redis.call('LTRIM', key_of('events', id), -EVENTS_KEPT, -1)
  end
  return number
end

-- Further fields of the job go along, so that the job is written once.
local function place(id, priority, before, ...)
  local entry = redis.call('XADD', stream_of(priority), '*', 'id', id)
  local number = record(id, 'queued', nil, before)
  redis.call('HSET', job_of(id), 'state', 'queued', 'entry', entry, 'events', number, ...)
end

local function take_out(priority, entry)
  redis.call('XACK', stream_of(priority), GROUP, entry)
  redis.call('XDEL', stream_of(priority), entry)
end

-- The last job that names a payload takes it along.
local function let_go(id)
  for name in string.gmatch(redis.call('HGET', job_of(id), 'blobs') or '', '%S+') do
    if redis.call('HINCRBY', key_of('blob', name), 'references', -1) < 1 then
      redis.call('DEL', key_of('blob', name))
    end
  end
end

-- done, failed or cancelled: kept for `keep` ms, without what it was made of. Further fields go along.
local function settle(id, state, facts, keep, ...)
  let_go(id)
  local known = redis.call('HMGET', job_of(id), 'events', 'key')
  local number = record(id, state, facts, known[1])
  redis.call('HDEL', job_of(id), 'work', 'blobs')
  redis.call('HSET', job_of(id), 'state', state, 'ended', now, 'events', number, ...)
  redis.call('PEXPIRE', job_of(id), keep)
  redis.call('PEXPIRE', key_of('events', id), keep)
  if known[2] and known[2] ~= '' then
    redis.call('PEXPIRE', key_of('key', known[2]), keep)
  end
end

-- A dead letter keeps what it needs to be tried again.
local function bury(id, problem)
  local number = record(id, 'dead', problem, redis.call('HGET', job_of(id), 'events'))
  redis.call('HSET', job_of(id), 'state', 'dead', 'ended', now, 'error', problem, 'events', number)
  redis.call('ZADD', root .. ':dead', now, id)
end

local function drop(id)
  let_go(id)
  local key = redis.call('HGET', job_of(id), 'key')
  if key and key ~= '' then
    redis.call('DEL', key_of('key', key))
  end
  redis.call('ZREM', root .. ':dead', id)
  redis.call('DEL', job_of(id), key_of('events', id))
end

-- What the worker gets; nil where there is nothing to do any more.
local function start(priority, entry, id, worker)
  local facts = redis.call('HMGET', job_of(id), 'work', 'blobs', 'created', 'expires', 'attempts', 'run', 'events',
    'origin')
  if not facts[1] then
    take_out(priority, entry)
    return nil
  end
  local attempt, run = (tonumber(facts[5]) or 0) + 1, (tonumber(facts[6]) or 0) + 1
  if run > 1 then
    redis.call('HDEL', job_of(id), 'done', 'total')
  end
  local number = record(id, 'started', '{"attempt":' .. attempt .. '}', facts[7])
  redis.call('HSET', job_of(id), 'state', 'running', 'started', now, 'worker', worker,
    'attempts', attempt, 'run', run, 'events', number)
  return { id, facts[1], facts[2], priority, attempt, run, facts[3], facts[4], facts[8] }
end
