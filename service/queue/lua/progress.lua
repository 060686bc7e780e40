-- ARGV: id, run, done, total. Returns 1, or 0 if another run has the job.
local facts = redis.call('HMGET', job_of(ARGV[1]), 'run', 'state', 'events')
if facts[1] ~= ARGV[2] or facts[2] ~= 'running' then
  return 0
end
local progress = '{"done":' .. ARGV[3] .. ',"total":' .. ARGV[4] .. '}'
local number = record(ARGV[1], 'progress', progress, facts[3])
redis.call('HSET', job_of(ARGV[1]), 'done', ARGV[3], 'total', ARGV[4], 'events', number)
return 1
