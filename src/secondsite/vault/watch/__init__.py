"""What the vault notices by itself: which appliances are connected, how every machine is, what has become due.

Its rooms:

    signals              waiting steps and waiting calls wake when something happens
    said                 what appliances say of machines: what counts, what is remembered, what is written when
    status_intake        ports.FactSink: what appliances report is recorded
    disbelief            what an appliance said and was not believed, as a finding
    derived              what follows from a status, found once
    health               findings of a machine; pure
    standing             findings that stand until somebody acts; pure
    situations           what findings are derived from, of many machines
    settings_push        appliances are sent their settings until they report having them
    keeping              appliances are told what starts their machines without this vault
    adoptable            what they keep for a vault that would come after this one
    admission            which appliances are let in, with which key
    certificate_renewal  an appliance's next certificate
    rpo_series           every ten seconds: how much work would be lost now
    rpo_unwritten        its samples until they are written, many at a time
    housekeeping         every half minute: retention of jobs, drills that were left open
    backups              whether there is a good backup of the vault, by its own record
    drills               test failovers that are started by schedule
    verification         points that are booted by schedule, to be looked at
"""
