-- GET /users/{id} for users that lookup_bench has written, in no order. Arguments: how many there are.
local SCATTER, WORD = 2654435761, 4294967296
local n = 0

function init(arguments)
    users = tonumber(arguments[1])
end

function request()
    n = (n * 69069 + 12345) % WORD
    local i = math.floor(n / 16) % users
    return wrk.format("GET", string.format("/users/%08x-0000-7000-8000-%012x", i, i * SCATTER % WORD))
end
