-- ARGV: worker, limit, bytes of ended jobs, priority*. Starts at most `limit` jobs, and none while ended jobs take more
-- bytes than they may. Returns them and, per priority, the last entry's id, to wait for later ones. Strict priorities: a
-- later one gets only the slots that the earlier ones leave.
local worker, room = ARGV[1], tonumber(ARGV[2])
if total_bytes('ended') >= tonumber(ARGV[3]) then
  room = 0
end
local jobs, last_ids = {}, {}
for at = 4, #ARGV do
  local priority = ARGV[at]
  if #jobs < room then
    local read = redis.call('XREADGROUP', 'GROUP', GROUP, WORKER, 'COUNT', room - #jobs,
      'STREAMS', stream_of(priority), '>')
    for _, entry in ipairs(read and read[1] and read[1][2] or {}) do
      jobs[#jobs + 1] = start(priority, entry[1], entry[2][2], worker)
    end
  end
  local facts = redis.call('XINFO', 'STREAM', stream_of(priority))
  for field = 1, #facts, 2 do
    if facts[field] == 'last-generated-id' then
      last_ids[#last_ids + 1] = facts[field + 1]
    end
  end
end
return { jobs, last_ids }
