"""What the vault notices by itself: who is connected, how every machine stands, what time makes due.

Its rooms:

    signals         what happened reaches waiting steps and waiting calls
    change_filter   which changes of a status matter at once
    clocks          how far an appliance's clock is from the vault's; pure
    status_intake   ports.FactSink: what appliances say becomes records
    health          findings of a machine; pure
    settings_push   appliances learn the settings that they need, until they have them
    renewal         an appliance's next certificate
    rpo_series      every ten seconds: how much would be lost now
    housekeeping    every half minute: retention of jobs, drills that were left open
"""
