-- ARGV: keep ms, attempts; then per job: id, run, verb, first, second. Answers per job the state it is in now, or
-- stale where another run has it, or had it: then nothing is changed, so no result is written twice.
--   done body facts │ failed problem │ cancelled │ retry problem delay-ms │ release
local keep, attempts = ARGV[1], tonumber(ARGV[2])

local function retry(id, priority, made, problem, delay)
  if made >= most_of(id, attempts) then
    bury(id, problem)
    return 'dead'
  end
  redis.call('HSET', job_of(id), 'state', 'retrying', 'error', problem)
  redis.call('ZADD', key_of('delayed', priority), now + delay, id)
  record(id, 'retrying', '{"after_ms":' .. delay .. '}')
  return 'retrying'
end

-- Back in its old place of the line, for whoever sweeps next; it was no attempt.
local function release(id, priority, entry)
  redis.call('HINCRBY', job_of(id), 'attempts', -1)
  redis.call('HSET', job_of(id), 'state', 'queued')
  redis.call('XCLAIM', stream_of(priority), GROUP, WORKER, 0, entry, 'IDLE', 86400000, 'JUSTID')
  record(id, 'queued')
  return 'queued'
end

local function finish(id, verb, first, second, priority, entry, made)
  if verb == 'release' then
    return release(id, priority, entry)
  end
  take_out(priority, entry)
  if verb == 'retry' then
    return retry(id, priority, made, first, second)
  end
  if verb == 'done' then
    redis.call('HSET', job_of(id), 'body', first, 'about', second)
    redis.call('HDEL', job_of(id), 'error')
    first = nil
  elseif verb == 'failed' then
    redis.call('HSET', job_of(id), 'error', first)
  end
  settle(id, verb, first, keep)
  return verb
end

local answers = {}
for at = 3, #ARGV, 5 do
  local id, run, verb, first, second = unpack(ARGV, at, at + 4)
  local facts = redis.call('HMGET', job_of(id), 'run', 'state', 'priority', 'entry', 'attempts')
  if facts[1] == run and facts[2] == 'running' then
    answers[#answers + 1] = finish(id, verb, first, second, facts[3], facts[4], tonumber(facts[5]))
  else
    answers[#answers + 1] = 'stale'
  end
end
return answers
