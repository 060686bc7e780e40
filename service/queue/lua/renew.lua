-- ARGV: (id, run)*. Renews the lease of each job. Returns per job: kept | cancel | lost.
local answers = {}
for at = 1, #ARGV, 2 do
  local id = ARGV[at]
  local facts = redis.call('HMGET', job_of(id), 'run', 'state', 'cancel', 'priority', 'entry')
  if facts[1] ~= ARGV[at + 1] or facts[2] ~= 'running' then
    answers[#answers + 1] = 'lost'
  else
    redis.call('XCLAIM', stream_of(facts[4]), GROUP, WORKER, 0, facts[5], 'JUSTID')
    answers[#answers + 1] = facts[3] and 'cancel' or 'kept'
  end
end
return answers
