-- The load: one POST for ever. Every answer is looked at; what is not a 200 is counted, and the first such is shown.
-- The form comes by the environment, so that no secret stands in a command line. Many forms, each with its host, come
-- in a file that the environment names, a line each; they are asked in turns.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(_)
  good, other, first = 0, 0, ""
  wrk.method = "POST"
  wrk.body = os.getenv("BENCH_FORM")
  wrk.headers["content-type"] = "application/x-www-form-urlencoded"
  local path = os.getenv("BENCH_FORMS")
  if path then
    in_turns(path)
  end
end

function in_turns(path)
  local requests, number = {}, 0
  for line in io.lines(path) do
    local host, form = line:match("^(%S+) (%S+)$")
    local headers = { ["Host"] = host, ["content-type"] = wrk.headers["content-type"] }
    table.insert(requests, wrk.format("POST", nil, headers, form))
  end
  request = function()
    number = number % #requests + 1
    return requests[number]
  end
end

function response(status, _, body)
  if status == 200 then
    good = good + 1
  else
    other = other + 1
    if first == "" then
      first = status .. " " .. body
    end
  end
end

function done(summary, latency, _)
  local all_good, all_other, shown = 0, 0, ""
  for _, thread in ipairs(threads) do
    all_good = all_good + thread:get("good")
    all_other = all_other + thread:get("other")
    if shown == "" then
      shown = thread:get("first")
    end
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("bench %d %d %d %d %f %f %f\n", all_good, all_other, broken, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max))
  io.write("first ", (shown:gsub("%s+", " ")), "\n")
end
