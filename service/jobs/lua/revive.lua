-- ARGV: verb (requeue | drop), id. Answers the state that the job was in: only dead letters are touched. '' is none.
local verb, id = ARGV[1], ARGV[2]
local facts = redis.call('HMGET', job_of(id), 'state', 'priority')
if facts[1] ~= 'dead' then
  return facts[1] or ''
end
if verb == 'drop' then
  drop(id)
else
  redis.call('ZREM', root .. ':dead', id)
  redis.call('HDEL', job_of(id), 'error', 'ended', 'cancel')
  redis.call('HSET', job_of(id), 'attempts', 0)
  place(id, facts[2])
end
return 'dead'
