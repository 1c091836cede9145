"""What stands in Redis for the leases, and the scripts that alone touch it.

All keys have one hash tag, so that on a Redis Cluster they lie on one server and each script is one step:

    {prefix}:{leases}:workers            sorted set: worker -> until when it lives (ms, of Redis's own clock)
    {prefix}:{leases}:turns              hash: worker -> the number of its latest write
    {prefix}:{leases}:filled             set: workers that have told all they hold
    {prefix}:{leases}:topics:{worker}    set of the topics it holds something of
    {prefix}:{leases}:held:{worker}:{topic}      hash: member -> value; "filling" while all of it is written anew
    {prefix}:{leases}:lent:{topic}       hash: member -> "since until =value", or "since until -" for an ended
                                         loan; since in µs, for it decides who spoke last
    {prefix}:{leases}:deadlines          sorted set: [topic, member] of a loan -> until, or when to look again
    {prefix}:{leases}:claim:{worker}     who sees to what a dead worker has left
    {prefix}:{leases}:epoch              another one after Redis has lost its data

A worker writes only while it is known and its number is the expected one. So nothing is ever written for a worker that
nobody would clear up behind, nothing late overwrites what is newer, and writes that a replica lost, when it took over,
show.
"""

_COMMON = """
local base = KEYS[1]
local clock = redis.call('TIME')
local micros = clock[1] * 1000000 + clock[2]
local now = math.floor(micros / 1000)

local function lives(worker)
  local till = redis.call('ZSCORE', base .. ':workers', worker)
  return till and tonumber(till) > now
end

local function is_expected(worker, turn)
  return lives(worker) and redis.call('HGET', base .. ':turns', worker) == turn
end

local function held(worker, topic) return base .. ':held:' .. worker .. ':' .. topic end
local function filling(worker, topic) return base .. ':filling:' .. worker .. ':' .. topic end

local function loan(record)
  local since, till, kind, value = string.match(record, '^(%d+) (%d+) ([=-])(.*)$')
  return tonumber(since), tonumber(till), kind == '=' and value or nil
end

local function in_parts(list, call)
  for first = 1, #list, 1000 do call(first, math.min(first + 999, #list)) end
end

local function write(key, pairs_of_it)
  in_parts(pairs_of_it, function(first, last) redis.call('HSET', key, unpack(pairs_of_it, first, last)) end)
end
"""

REGISTER = (
    _COMMON
    + """
local worker, turn, lease = unpack(ARGV)
redis.call('ZADD', base .. ':workers', now + lease, worker)
redis.call('HSET', base .. ':turns', worker, turn)
redis.call('SREM', base .. ':filled', worker)
redis.call('DEL', base .. ':claim:' .. worker)
redis.call('SET', base .. ':epoch', worker .. ':' .. turn, 'NX')
return {redis.call('GET', base .. ':epoch'), micros}
"""
)
"""A worker, its number, its lease in ms: it is known from now on. Returns the epoch and the time in µs."""

RENEW = (
    _COMMON
    + """
local worker, turn, lease, claim, limit = unpack(ARGV)
if not is_expected(worker, turn) then return false end
redis.call('ZADD', base .. ':workers', now + lease, worker)

local dead = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', base .. ':workers', '-inf', now)) do
  if redis.call('SET', base .. ':claim:' .. name, worker, 'NX', 'PX', claim) then dead[#dead + 1] = name end
end

local due = {}
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', base .. ':deadlines', '-inf', now, 'LIMIT', 0, limit)) do
  local topic, member = unpack(cjson.decode(entry))
  local record = redis.call('HGET', base .. ':lent:' .. topic, member)
  local _, _, value = loan(record or '')
  if value then
    redis.call('ZADD', base .. ':deadlines', now + claim, entry)
    due[#due + 1] = entry
  else
    redis.call('HDEL', base .. ':lent:' .. topic, member)
    redis.call('ZREM', base .. ':deadlines', entry)
  end
end

local living = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', base .. ':workers', '(' .. now, '+inf')) do
  if redis.call('SISMEMBER', base .. ':filled', name) == 1 then living[#living + 1] = name end
end
return {dead, due, living}
"""
)
"""A worker, its number, its lease and a claim in ms, a limit: it lives on, and is to see to what others have left.

Returns dead workers, loans that ran out, and the living who have told all they hold; nothing when it is not known.
"""

FILL = (
    _COMMON
    + """
local worker, turn, following, parts = unpack(ARGV)
if not is_expected(worker, turn) then return false end
redis.call('HSET', base .. ':turns', worker, following)
for _, part in ipairs(cjson.decode(parts)) do
  local topic, values, first, last = unpack(part)
  if first then redis.call('DEL', filling(worker, topic)) end
  redis.call('SADD', base .. ':topics:' .. worker, topic)
  write(filling(worker, topic), values)
  if last then redis.call('RENAME', filling(worker, topic), held(worker, topic)) end
end
return 1
"""
)
"""A worker, its number, the next, ``[[topic, [member, value, …], is first, is last], …]``: this is all of the topic."""

FILLED = (
    _COMMON
    + """
local worker, turn, following, topics = unpack(ARGV)
if not is_expected(worker, turn) then return false end
redis.call('HSET', base .. ':turns', worker, following)
local kept = {}
for _, topic in ipairs(cjson.decode(topics)) do kept[topic] = true end
for _, topic in ipairs(redis.call('SMEMBERS', base .. ':topics:' .. worker)) do
  if not kept[topic] then
    redis.call('UNLINK', held(worker, topic), filling(worker, topic))
    redis.call('SREM', base .. ':topics:' .. worker, topic)
  end
end
redis.call('SADD', base .. ':filled', worker)
return 1
"""
)
"""A worker, its number, the next, ``[topic, …]``: it holds nothing but these."""

WORK = (
    _COMMON
    + """
local worker, turn, following, orders = unpack(ARGV)
if not is_expected(worker, turn) then return false end
if following ~= turn then redis.call('HSET', base .. ':turns', worker, following) end
local living = redis.call('ZRANGEBYSCORE', base .. ':workers', '(' .. now, '+inf')

local function add(found, member, value)
  if found[member] then table.insert(found[member], value) else found[member] = {value} end
end

local function add_held(found, topic, members, but)
  for _, name in ipairs(living) do
    if name ~= but then
      in_parts(members, function(first, last)
        for i, value in ipairs(redis.call('HMGET', held(name, topic), unpack(members, first, last))) do
          if value then add(found, members[first + i - 1], value) end
        end
      end)
    end
  end
end

local function add_record(found, member, record)
  local _, till, value = loan(record)
  if value and till > now then add(found, member, value) end
end

local function add_lent(found, topic, members)
  in_parts(members, function(first, last)
    for i, record in ipairs(redis.call('HMGET', base .. ':lent:' .. topic, unpack(members, first, last))) do
      if record then add_record(found, members[first + i - 1], record) end
    end
  end)
end

local function each(list, call)
  for i = 1, #list, 2 do call(list[i], list[i + 1]) end
end

local act = {}

function act.hold(found, topic, values)
  local members, kept, gone = {}, {}, {}
  for member, value in pairs(values) do
    members[#members + 1] = member
    if value == cjson.null then
      gone[#gone + 1] = member
    else
      kept[#kept + 1] = member
      kept[#kept + 1] = value
    end
  end
  write(held(worker, topic), kept)
  in_parts(gone, function(first, last) redis.call('HDEL', held(worker, topic), unpack(gone, first, last)) end)
  local holds = redis.call('EXISTS', held(worker, topic)) == 1
  redis.call(holds and 'SADD' or 'SREM', base .. ':topics:' .. worker, topic)
  add_held(found, topic, members, worker)
  add_lent(found, topic, members)
end

local function put(topic, member, since, length, rest)
  since = since == cjson.null and micros or math.min(since, micros)
  local till = math.floor(since / 1000) + length
  local record = redis.call('HGET', base .. ':lent:' .. topic, member)
  if till <= now or (record and loan(record) > since) then return end
  redis.call('HSET', base .. ':lent:' .. topic, member, string.format('%.0f %.0f ', since, till) .. rest)
  redis.call('ZADD', base .. ':deadlines', till, cjson.encode({topic, member}))
end

function act.lend(found, topic, member, since, length, value)
  put(topic, member, since, length, '=' .. value)
  add_held(found, topic, {member})
end

-- What has ended leaves a mark, for a worker that lent it may tell of it once more when Redis has lost its data.
act['end'] = function(found, topic, member, since, length)
  put(topic, member, since, length, '-')
  add_held(found, topic, {member})
end

function act.read(found, topic, members)
  add_held(found, topic, members)
  add_lent(found, topic, members)
end

function act.everyone(found, topic)
  for _, name in ipairs(living) do
    each(redis.call('HGETALL', held(name, topic)), function(member, value) add(found, member, value) end)
  end
  each(redis.call('HGETALL', base .. ':lent:' .. topic), function(member, record) add_record(found, member, record) end)
end

local answers = {}
for _, order in ipairs(cjson.decode(orders)) do
  local found = {}
  act[order[1]](found, unpack(order, 2))
  answers[#answers + 1] = found
end
return {micros, cjson.encode(answers)}
"""
)
"""A worker, its number, the next (the same when it only reads), ``[[order, topic, …], …]``: see ``LeaseStore``.

Returns the time in µs and ``[{member: [value, …]}, …]``, nothing when the worker is not known.
"""

ESTATE = (
    _COMMON
    + """
local worker, found = ARGV[1], {}
if lives(worker) then return '{}' end
for _, topic in ipairs(redis.call('SMEMBERS', base .. ':topics:' .. worker)) do
  local members = redis.call('HKEYS', held(worker, topic))
  if #members > 0 then found[topic] = members end
end
return cjson.encode(found)
"""
)
"""A dead worker: ``{topic: [member, …]}`` of what it held; empty when it lives after all."""

CLEAR = (
    _COMMON
    + """
local worker = ARGV[1]
if lives(worker) then return 0 end
for _, topic in ipairs(redis.call('SMEMBERS', base .. ':topics:' .. worker)) do
  redis.call('UNLINK', held(worker, topic), filling(worker, topic))
end
redis.call('DEL', base .. ':topics:' .. worker, base .. ':claim:' .. worker)
redis.call('HDEL', base .. ':turns', worker)
redis.call('SREM', base .. ':filled', worker)
redis.call('ZREM', base .. ':workers', worker)
return 1
"""
)
"""A dead worker: nothing is left of it. 0 when it lives after all."""

SETTLE = (
    _COMMON
    + """
for _, entry in ipairs(cjson.decode(ARGV[1])) do
  local topic, member = unpack(cjson.decode(entry))
  local record = redis.call('HGET', base .. ':lent:' .. topic, member)
  local till = 0
  if record then _, till = loan(record) end
  if till <= now then
    redis.call('HDEL', base .. ':lent:' .. topic, member)
    redis.call('ZREM', base .. ':deadlines', entry)
  end
end
return 1
"""
)
"""``[entry, …]`` of loans that ran out: they are seen to, unless they were lent again."""

RESIGN = (
    _COMMON
    + """
if lives(ARGV[1]) then redis.call('ZADD', base .. ':workers', 0, ARGV[1]) end
return 1
"""
)
"""A worker: it lives no longer, and another sees to what it has left."""
