"""The appliances of a vault: what they say, and what they are told.

Its rooms:

    gateway/             the port that they dial, their connections, orders out, reports in
    statuses/            what they say of machines: what counts, what is remembered, what is written when
    status_intake        what they report unasked is recorded, and wakes the jobs that wait for it
    signals              waiting steps and waiting calls wake when something happens
    settings_push        they are sent their settings until they report having them
    rescue_manifest      they are told what starts their machines without this vault
    admission            which of them are let in, with which key
    certificate_renewal  their next certificates
"""
