-- About 200 requests a second on one connection; the time between them is not counted as latency.
function delay()
    return 5
end
