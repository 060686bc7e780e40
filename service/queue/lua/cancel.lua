-- ARGV: id, keep ms. Returns 1, or 0 if there is no such job. A running job stops at its next lease renewal.
local id = ARGV[1]
local facts = redis.call('HMGET', job_of(id), 'state', 'priority', 'entry')
local state = facts[1]
if state == 'queued' then
  remove_entry(facts[2], facts[3])
elseif state == 'retrying' then
  redis.call('ZREM', key_of('delayed', facts[2]), id)
elseif state == 'running' then
  redis.call('HSET', job_of(id), 'cancel', 1)
end
if state == 'queued' or state == 'retrying' then
  end_job(id, 'cancelled', nil, ARGV[2], 0)
end
return state and 1 or 0
