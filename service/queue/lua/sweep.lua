-- ARGV: worker, most, lease ms, attempts, keep ms, dead letters' ms, problem of the dead, priority*.
-- Brings back what was delayed, forgets old dead letters, and starts what others began and let fall: such jobs.
local worker, room, lease, attempts, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local AT_ONCE = 500

for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. ':dead', '-inf', now - ARGV[6], 'LIMIT', 0, AT_ONCE)) do
  drop(id)
end

local function reclaim(priority, entry)
  local found = redis.call('XRANGE', stream_of(priority), entry, entry)[1]
  if not found then
    redis.call('XACK', stream_of(priority), GROUP, entry)
    return nil
  end
  local id = found[2][2]
  if redis.call('HEXISTS', job_of(id), 'cancel') == 1 then
    take_out(priority, entry)
    settle(id, 'cancelled', nil, keep)
  elseif tonumber(redis.call('HGET', job_of(id), 'attempts') or 0) >= most_of(id, attempts) then
    take_out(priority, entry)
    bury(id, ARGV[7])
  else
    redis.call('XCLAIM', stream_of(priority), GROUP, WORKER, lease, entry, 'JUSTID')
    return start(priority, entry, id, worker)
  end
end

local jobs = {}
for at = 8, #ARGV do
  local priority = ARGV[at]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key_of('delayed', priority), '-inf', now, 'LIMIT', 0, AT_ONCE)) do
    redis.call('ZREM', key_of('delayed', priority), id)
    place(id, priority, redis.call('HGET', job_of(id), 'events'))
  end
  if #jobs < room then
    local idle = redis.call('XPENDING', stream_of(priority), GROUP, 'IDLE', lease, '-', '+', room - #jobs)
    for _, pending in ipairs(idle) do
      jobs[#jobs + 1] = reclaim(priority, pending[1])
    end
  end
end
return jobs
