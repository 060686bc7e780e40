-- ARGV: keep ms, attempts; then per job: id, run, verb, first, second. Answers per job the state it is in now, or
-- stale where another run has it, or had it: then nothing is changed, so no result is written twice.
--   done body facts │ failed problem │ cancelled │ retry problem delay-ms │ release
local keep, attempts = ARGV[1], tonumber(ARGV[2])

local function retry(id, job, problem, delay)
  if tonumber(job.attempts) >= most_of(id, attempts) then
    bury(id, problem)
    return 'dead'
  end
  local number = record(id, 'retrying', '{"after_ms":' .. delay .. '}', job.events)
  redis.call('HSET', job_of(id), 'state', 'retrying', 'error', problem, 'events', number)
  redis.call('ZADD', key_of('delayed', job.priority), now + delay, id)
  return 'retrying'
end

-- Back in its old place of the line, for whoever sweeps next; it was no attempt.
local function release(id, job)
  local number = record(id, 'queued', nil, job.events)
  redis.call('HSET', job_of(id), 'state', 'queued', 'attempts', job.attempts - 1, 'events', number)
  redis.call('XCLAIM', stream_of(job.priority), GROUP, WORKER, 0, job.entry, 'IDLE', 86400000, 'JUSTID')
  return 'queued'
end

local function finish(id, verb, first, second, job)
  if verb == 'release' then
    return release(id, job)
  end
  take_out(job.priority, job.entry)
  if verb == 'retry' then
    return retry(id, job, first, second)
  end
  if verb == 'done' then
    settle(id, verb, nil, keep, 'body', first, 'about', second)
    if job.error then
      redis.call('HDEL', job_of(id), 'error')
    end
  elseif verb == 'failed' then
    settle(id, verb, first, keep, 'error', first)
  else
    settle(id, verb, nil, keep)
  end
  return verb
end

local FIELDS = { 'run', 'state', 'priority', 'entry', 'attempts', 'events', 'error' }
local answers = {}
for at = 3, #ARGV, 5 do
  local id, run, verb, first, second = unpack(ARGV, at, at + 4)
  local job = {}
  for field, value in ipairs(redis.call('HMGET', job_of(id), unpack(FIELDS))) do
    job[FIELDS[field]] = value
  end
  local mine = job.run == run and job.state == 'running'
  answers[#answers + 1] = mine and finish(id, verb, first, second, job) or 'stale'
end
return answers
