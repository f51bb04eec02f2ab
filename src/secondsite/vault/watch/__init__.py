"""What the vault notices by itself: who is connected, how every machine stands, what time makes due.

Its rooms:

    switchboard   signals reach waiting steps and waiting calls
    substance     which changes of a status matter at once
    clocks        how far an appliance's clock is from the vault's; pure
    facts         ports.FactSink: what appliances say becomes records
    health        findings of a machine; pure
    telling       appliances learn the settings that they need, until they have them
    renewal       an appliance's next certificate
    rpo_series    every ten seconds: how much would be lost now
    tick          every half minute: retention of jobs, drills that were left open
"""
