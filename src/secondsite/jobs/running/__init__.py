"""Jobs at work: requests, one move after the other, threads.

Its rooms:

    requests        submit, cancel, retry, signal
    children        jobs whose steps are jobs
    parents         wakes them when their children end
    stage           the engine's side of a running step
    performing      runs a step, and writes down its answer with the beginning of the next one
    recording       writes what a step answered into the journal
    snapshot        where a job stands
    parking         short waits, which are written nowhere
    ending          a job's last row
    followed_clock  the clock that waits go by, even when it is set
    runner          one claimed job
    engine          several at a time, beside other engines
    lease_state     whether this process still has its lease
    notifications   hears of other processes, on PostgreSQL
    changes         tells followers what changed
    held_jobs       jobs that go on only when a person decides so
    answers         what a person says to a step that asks
"""
