-- ARGV: verb (requeue | drop), id. Returns the job's state before, '' if there is none. Only touches dead letters.
local verb, id = ARGV[1], ARGV[2]
local facts = redis.call('HMGET', job_of(id), 'state', 'priority', 'events')
if facts[1] ~= 'dead' then
  return facts[1] or ''
end
if verb == 'drop' then
  drop(id)
else
  redis.call('ZREM', root .. ':dead', id)
  forget_bytes('ended', id)
  redis.call('HDEL', job_of(id), 'error', 'ended', 'cancel')
  enqueue(id, facts[2], facts[3], 'attempts', 0)
end
return 'dead'
