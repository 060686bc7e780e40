-- ARGV: priority*. Returns per priority: waiting, running, delayed, ms that the first waiting job has waited.
local answers = {}
for _, priority in ipairs(ARGV) do
  local stream = stream_of(priority)
  local running = redis.call('XPENDING', stream, GROUP)[1]
  local delivered
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    for field = 1, #group, 2 do
      if group[field] == 'last-delivered-id' then
        delivered = group[field + 1]
      end
    end
  end
  local first = redis.call('XRANGE', stream, '(' .. delivered, '+', 'COUNT', 1)[1]
  local age = first and now - string.match(first[1], '^%d+') or 0
  answers[#answers + 1] = {
    redis.call('XLEN', stream) - running, running, redis.call('ZCARD', key_of('delayed', priority)), age
  }
end
return answers
