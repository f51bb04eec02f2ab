"""The ground that every room builds on; it imports no other room.

Its rooms:

    attention           limits the processor time for messages of one sender
    backoff             how long to wait after failures
    bounded_json        JSON of somebody else, parsed only if little comes of it
    certificates        reads a certificate: its key, its name, its issuer
    durable             files that are whole or absent after a power cut
    full_disk           recognizes a full disk, reports it, and tries again
    holes               sparse files: what is stored of one, and holes made again
    host                what this process asks its host
    job_states          the states of jobs and tasks, in the words that everything uses
    json_values         checks values of somebody else's JSON
    lived_time          lived time, by which ages are judged
    lockfile            locks that processes have on files
    periodic            a thread that works in rounds
    plural              numbers with their nouns
    processes/          how our processes live
    problem             the base of all errors, and those that several rooms share
    real_files          reads only plain files in folders that others may write to
    seams               named points where a test can stop the world
    log_limit           limits how often the same thing is logged
    threads             have names, and their deaths are reported
    tls                 the version of TLS that we speak
    units               sizes and spans
    uptime              time as a host itself measures it
    urls                addresses in URLs
    usage               what files occupy
    connection_limits/  who may be connected to a port that anybody can dial
"""
