-- A client a thread (wrk -t N -c N): each has a refresh token and spends it for the next one.
-- The environment's TOKENS names a file with one token a line.
local file = io.open(os.getenv("TOKENS"), "r")

function setup(thread)
    thread:set("token", file:read("*l"))
end

function init()
    wrk.headers["Content-Type"] = "application/json"
end

function request()
    return wrk.format("POST", "/token/refresh", nil, '{"refresh_token":"' .. token .. '"}')
end

function response(status, headers, body)
    token = string.match(body, '"refresh_token":"([^"]+)"') or token
end
