-- POST /token for one of the bench's users after the other. Arguments: how many users, password, and by how many each
-- step goes on [1].
local n = 0

function init(arguments)
    users = tonumber(arguments[1])
    password = arguments[2]
    step = tonumber(arguments[3] or 1)
    wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
    n = n + step
    local body = string.format("grant_type=password&username=bench-%d&password=%s", n % users, password)
    return wrk.format("POST", "/token", nil, body)
end
