"""What the vault notices by itself: which appliances are connected, how every machine is, what has become
due.

Its rooms:

    situations                    what findings are derived from, of many machines
    rpo_series                    every ten seconds: how much work would be lost now
    housekeeping                  every half minute: retention of jobs, drills that were left open
    drill_scheduler  drills that are due
    verification_scheduler        points that are booted by schedule
"""
