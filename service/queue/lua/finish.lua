-- ARGV: keep ms, attempts; then per job: id, run, verb, content, extra. Returns per job its state now, or stale if
-- another run has it, or had it: then nothing is changed, so no result is written twice. Content and extra per verb:
--   done body facts │ failed problem │ cancelled │ retry problem delay-ms │ release
local keep, attempts = ARGV[1], tonumber(ARGV[2])

local function retry(id, job, problem, delay)
  if tonumber(job.attempts) >= max_attempts_of(id, attempts) then
    make_dead(id, problem)
    return 'dead'
  end
  local number = record(id, 'retrying', '{"after_ms":' .. delay .. '}', job.events)
  redis.call('HSET', job_of(id), 'state', 'retrying', 'error', problem, 'events', number)
  redis.call('ZADD', key_of('delayed', job.priority), now + delay, id)
  return 'retrying'
end

-- Back in its old place in the stream, for the next worker that sweeps; the run does not count as an attempt.
local function release(id, job)
  local number = record(id, 'queued', nil, job.events)
  redis.call('HSET', job_of(id), 'state', 'queued', 'attempts', job.attempts - 1, 'events', number)
  redis.call('XCLAIM', stream_of(job.priority), GROUP, WORKER, 0, job.entry, 'IDLE', 86400000, 'JUSTID')
  return 'queued'
end

local function finish(id, verb, content, extra, job)
  if verb == 'release' then
    return release(id, job)
  end
  remove_entry(job.priority, job.entry)
  if verb == 'retry' then
    return retry(id, job, content, extra)
  end
  if verb == 'done' then
    end_job(id, verb, nil, keep, #content + #extra, 'body', content, 'about', extra)
    if job.error then
      redis.call('HDEL', job_of(id), 'error')
    end
  elseif verb == 'failed' then
    end_job(id, verb, content, keep, #content, 'error', content)
  else
    end_job(id, verb, nil, keep, 0)
  end
  return verb
end

local FIELDS = { 'run', 'state', 'priority', 'entry', 'attempts', 'events', 'error' }
local answers = {}
for at = 3, #ARGV, 5 do
  local id, run, verb, content, extra = unpack(ARGV, at, at + 4)
  local job = {}
  for field, value in ipairs(redis.call('HMGET', job_of(id), unpack(FIELDS))) do
    job[FIELDS[field]] = value
  end
  local is_current = job.run == run and job.state == 'running'
  answers[#answers + 1] = is_current and finish(id, verb, content, extra, job) or 'stale'
end
return answers
