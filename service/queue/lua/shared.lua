-- Prepended to every other script. A script is atomic, in the append-only file and on replicas, too.
-- KEYS[1] is the prefix of all keys: its braces put the whole queue in one slot of a cluster.
local root = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) -- ms, by the server's clock, which all processes share
local GROUP = 'workers'
local WORKER = 'worker' -- one consumer name for all workers: a job's `run` tells runs apart, and no dead consumers accumulate
local EVENTS_KEPT = 64
local RECORD_BYTES = 2048 -- of an ended job beside its result: about what its hash and events take

local function key_of(kind, name)
  return root .. ':' .. kind .. ':' .. name
end

local function job_of(id)
  return key_of('job', id)
end

local function stream_of(priority)
  return key_of('stream', priority)
end

-- The job's own number of attempts, or the queue's.
local function max_attempts_of(id, attempts)
  return tonumber(redis.call('HGET', job_of(id), 'most') or '') or attempts
end

-- `facts` is JSON or nil. Returns the event's number, which the caller stores in the job as `events`.
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

-- Takes further fields of the job, so that it is written once.
local function enqueue(id, priority, before, ...)
  local entry = redis.call('XADD', stream_of(priority), '*', 'id', id)
  local number = record(id, 'queued', nil, before)
  redis.call('HSET', job_of(id), 'state', 'queued', 'entry', entry, 'events', number, ...)
end

local function remove_entry(priority, entry)
  redis.call('XACK', stream_of(priority), GROUP, entry)
  redis.call('XDEL', stream_of(priority), entry)
end

-- The bytes of each `kind` ('payloads' and 'ended') are counted in a hash, whose field 'total' is their sum, and a sorted
-- set has the ms at which they expire. Sets a name's bytes anew.
local function count_bytes(kind, name, bytes, expires)
  local before = redis.call('HGET', key_of('bytes', kind), name) or 0
  redis.call('HSET', key_of('bytes', kind), name, bytes)
  redis.call('HINCRBY', key_of('bytes', kind), 'total', bytes - before)
  redis.call('ZADD', key_of('expiry', kind), expires, name)
end

-- Deletes first: a server without memory left allows further writes to a script that has freed some.
local function forget_bytes(kind, name)
  redis.call('ZREM', key_of('expiry', kind), name)
  local bytes = redis.call('HGET', key_of('bytes', kind), name)
  if bytes then
    redis.call('HDEL', key_of('bytes', kind), name)
    redis.call('HINCRBY', key_of('bytes', kind), 'total', -bytes)
  end
end

local function total_bytes(kind)
  return tonumber(redis.call('HGET', key_of('bytes', kind), 'total') or 0)
end

-- A payload is deleted with the last job that names it.
local function release_payloads(id)
  for name in string.gmatch(redis.call('HGET', job_of(id), 'blobs') or '', '%S+') do
    if redis.call('HINCRBY', key_of('blob', name), 'references', -1) < 1 then
      redis.call('DEL', key_of('blob', name))
      forget_bytes('payloads', name)
    end
  end
end

-- Ends a job as done, failed or cancelled, and keeps it for `keep` ms without work and payloads. `size` is that of its
-- result. Takes further fields.
local function end_job(id, state, facts, keep, size, ...)
  release_payloads(id)
  count_bytes('ended', id, RECORD_BYTES + size, now + keep)
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

-- A dead letter keeps work and payloads, so that it can be requeued.
local function make_dead(id, problem)
  local number = record(id, 'dead', problem, redis.call('HGET', job_of(id), 'events'))
  redis.call('HSET', job_of(id), 'state', 'dead', 'ended', now, 'error', problem, 'events', number)
  redis.call('ZADD', root .. ':dead', now, id)
  count_bytes('ended', id, RECORD_BYTES, '+inf')
end

local function drop(id)
  redis.call('ZREM', root .. ':dead', id) -- first, because deleting is allowed to a server without memory left
  forget_bytes('ended', id)
  release_payloads(id)
  local key = redis.call('HGET', job_of(id), 'key')
  if key and key ~= '' then
    redis.call('DEL', key_of('key', key))
  end
  redis.call('DEL', job_of(id), key_of('events', id))
end

-- Starts a run and returns the job for the worker; nil if the job no longer exists.
local function start(priority, entry, id, worker)
  local facts = redis.call('HMGET', job_of(id), 'work', 'blobs', 'created', 'expires', 'attempts', 'run', 'events',
    'origin')
  if not facts[1] then
    remove_entry(priority, entry)
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
