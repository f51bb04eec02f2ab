"""Jobs at work: requests, one move after the other, threads.

Its rooms:

    requests        submit, cancel, retry, signal
    children        jobs whose steps are jobs
    stage           the engine's side of a running step
    recording       writes what a step answered into the journal
    ending          a job's last row
    followed_clock  the clock that waits go by, even when it is set
    runner          one claimed job
    engine          several at a time, beside other engines
    standing        whether this process still has its lease
    wake            wakes sleeping workers
    notifications   hears of other processes, on PostgreSQL
    changes         tells followers what changed
"""
