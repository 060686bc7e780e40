-- ARGV: id, keep ms. Answers 1, or 0 where there is no such job. One that runs is told so with its next beat.
local id = ARGV[1]
local facts = redis.call('HMGET', job_of(id), 'state', 'priority', 'entry')
local state = facts[1]
if state == 'queued' then
  take_out(facts[2], facts[3])
elseif state == 'retrying' then
  redis.call('ZREM', key_of('delayed', facts[2]), id)
elseif state == 'running' then
  redis.call('HSET', job_of(id), 'cancel', 1)
end
if state == 'queued' or state == 'retrying' then
  settle(id, 'cancelled', nil, ARGV[2])
end
return state and 1 or 0
