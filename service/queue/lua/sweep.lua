-- ARGV: worker, limit, lease ms, attempts, keep ms, ms to keep dead letters, problem for lost jobs, priority*.
-- Enqueues delayed jobs that are due, drops old dead letters, forgets the bytes of what has expired, and restarts and
-- returns jobs whose lease ran out.
local worker, room, lease, attempts, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local BATCH = 500

for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. ':dead', '-inf', now - ARGV[6], 'LIMIT', 0, BATCH)) do
  drop(id)
end

for _, kind in ipairs({ 'payloads', 'ended' }) do
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key_of('expiry', kind), '-inf', now, 'LIMIT', 0, BATCH)) do
    forget_bytes(kind, name)
  end
end

local function reclaim(priority, entry)
  local found = redis.call('XRANGE', stream_of(priority), entry, entry)[1]
  if not found then
    redis.call('XACK', stream_of(priority), GROUP, entry)
    return nil
  end
  local id = found[2][2]
  if redis.call('HEXISTS', job_of(id), 'cancel') == 1 then
    remove_entry(priority, entry)
    end_job(id, 'cancelled', nil, keep, 0)
  elseif tonumber(redis.call('HGET', job_of(id), 'attempts') or 0) >= max_attempts_of(id, attempts) then
    remove_entry(priority, entry)
    make_dead(id, ARGV[7])
  else
    redis.call('XCLAIM', stream_of(priority), GROUP, WORKER, lease, entry, 'JUSTID')
    return start(priority, entry, id, worker)
  end
end

local jobs = {}
for at = 8, #ARGV do
  local priority = ARGV[at]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key_of('delayed', priority), '-inf', now, 'LIMIT', 0, BATCH)) do
    redis.call('ZREM', key_of('delayed', priority), id)
    enqueue(id, priority, redis.call('HGET', job_of(id), 'events'))
  end
  if #jobs < room then
    local idle = redis.call('XPENDING', stream_of(priority), GROUP, 'IDLE', lease, '-', '+', room - #jobs)
    for _, pending in ipairs(idle) do
      jobs[#jobs + 1] = reclaim(priority, pending[1])
    end
  end
end
return jobs
