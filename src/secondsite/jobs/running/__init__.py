"""Jobs at work: what comes in, one move after the other, threads.

Its rooms:

    requests        submit, cancel, retry, signal
    children        jobs whose steps are jobs
    stage           the engine's side of a running step
    recording       what a step answered, into the journal
    ending          a job's last row
    followed_clock  the clock that waits go by, also when it is set
    runner          one claimed job
    engine          several at a time, beside other engines
    wake            sleeping workers are told
    changes         followers are told
"""
