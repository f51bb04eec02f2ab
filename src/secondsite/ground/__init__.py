"""What every room stands on: the standard library, and nothing of ours.

Its rooms:

    backoff     how long to wait after failures
    durable     files that are whole or absent after a power cut
    full_disk   what counts as one, what is said of it, and another try
    host        what the host is asked
    job_states  where jobs and tasks are, in the words of all who speak of them
    lockfile    locks that processes hold on files
    malloc      the allocator's settings
    periodic    a thread that looks again and again
    plural      numbers with their nouns
    problem     the base of all errors, and those that several rooms speak of
    seams       named points where a test can stop the world
    threads     named, and none dies unheard
    units       sizes and spans
    uptime      time as a host measures it itself
    usage       what files occupy
"""
