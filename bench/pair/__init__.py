"""Two scripted appliances in one process: N machines without a disk, a cycle or a guest, so that a vault with
hundreds of machines can be measured on a laptop, its processor and memory apart from theirs.

What they say goes through the product's own code: enrollment, TLS, the connection, the reporter of statuses,
the generations of orders. Only what they know and answer is a script.

    script          what the pair is told
    machines        the machines of the first site
    cycles          which cycles and points a machine has at an instant
    sources         machines that are replicated from a site
    replicas        what a site holds of machines of the other one
    answers         what is answered to an order
    order_desk      takes orders, and answers them at once or after a time
    program         the process
    paired_vault    a real vault with the pair as its two sites
    client          the process of one client
    clients         five of them that ask on kept connections
    followers       the process of all who follow what changes
    batch           one verb for all machines, from the request to its end
    in_peace        what is measured of a vault in peace
    watched         what it holds while consoles, a monitoring system and people who log in are at it
    at_work         what is measured of batches
    killed          a vault that is killed in the middle of a batch
    planned         runs of a recovery plan of all machines
    measured        all of it, in one run
    before          the same figures of the release of 2026-11-20
"""
