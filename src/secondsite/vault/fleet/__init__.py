"""The appliances of a vault: their connections, their reports, and what they are sent.

Its rooms:

    gateway/             the port that they dial, their connections, orders out, reports in
    statuses/            statuses of machines: which count, which are remembered, which are written when
    status_intake        records what they report unasked, and wakes the jobs that wait for it
    ways                 where the two halves of ways into drills meet
    signals              wakes steps and calls that wait for something
    settings_push        sends them their settings until they report having them
    rescue_manifest      sends them what starts their machines without this vault
    admission            which of them may connect, with which key
    certificate_renewal  their next certificates
"""
