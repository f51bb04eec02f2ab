"""What every room builds on: uses nothing of ours.

Its rooms:

    attention           how much of the processor one speaker may take
    backoff             how long to wait after failures
    bounded_json        JSON of somebody else, parsed only if little comes of it
    certificates        what a certificate says of itself, its key, and its issuer
    durable             files that are whole or absent after a power cut
    full_disk           recognize one, report it, and try again
    holes               sparse files: what is stored of one, and holes made again
    host                what this process asks its host
    job_states          the states of jobs and tasks, in the words that everything uses
    json_values         what somebody else's JSON may hold
    lived_time          time that was lived through: by it ages are judged
    lockfile            locks that processes have on files
    periodic            a thread that works in rounds
    plural              numbers with their nouns
    processes/          how our processes live
    problem             the base of all errors, and those that several rooms share
    real_files          in folders that others may have written into, what is no file is not read
    seams               named points where a test can stop the world
    log_limit           what can be caused as often as one likes is told once in a while
    threads             have names, and their deaths are reported
    tls                 the version of TLS that we speak
    units               sizes and spans
    uptime              time as a host itself measures it
    urls                addresses in URLs
    usage               what files occupy
    connection_limits/  who may be connected to a port that anybody can dial
"""
