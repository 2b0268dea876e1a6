-- POST /api/v1/queues with a new user each time, as wrk's request.
local user = 0

function request()
  user = user + 1
  return wrk.format("POST", "/api/v1/queues", { ["Content-Type"] = "application/json" }, '{"userId":' .. user .. "}")
end
