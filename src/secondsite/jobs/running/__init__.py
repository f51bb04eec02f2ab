"""The running of jobs: requests, the engine that makes one move after the other, its threads.

Its rooms:

    requests        submit, cancel, retry, signal
    children        child jobs of a step
    parents         wakes jobs when their children end
    stage           the engine's side of a running step
    performing      runs a step, and records its result with the beginning of the next one
    recording       writes the result of a step into the journal
    snapshot        the state of a job that its next move depends on
    parking         short waits, which are not written to the database
    ending          the end of a job
    followed_clock  the clock that waits go by, even when it is set
    runner          runs one claimed job
    engine          runs several jobs at a time, beside other engines
    lease_state     whether this process still has its lease
    notifications   notifications of other processes, on PostgreSQL
    changes         tells followers which jobs changed
    held_jobs       jobs that go on only when a person decides so
    answers         a person's answer to a step that asks
"""
