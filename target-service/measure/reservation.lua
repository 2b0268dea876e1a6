-- POST /api/v1/reservations for one of fifty seats, with one of the tokens behind `--`, as wrk's request.
local tokens, attempt = {}, 0

function init(args)
  tokens = args
end

function request()
  attempt = attempt + 1
  local headers = { ["Content-Type"] = "application/json", ["Queue-Token-Queue-Id"] = tokens[attempt % #tokens + 1] }
  return wrk.format("POST", "/api/v1/reservations", headers, '{"scheduleId":1,"seatId":' .. attempt % 50 + 1 .. "}")
end
