"""The vault's periodic work: the RPO series, housekeeping, and what has become due.

Its rooms:

    situations              what findings are derived from, for many machines
    rpo_series              every ten seconds: how much work would be lost now
    housekeeping            every half minute: retention of jobs, drills that were left open
    free_memory             every five seconds: free memory goes back to the kernel
    drill_scheduler         starts drills that are due
    verification_scheduler  boots points by schedule
    cancels_again           a cancel that a silent machine made fail goes on once that is back
    automatic_commits       a plan whose checks have held after its failover commits
    migration_follower      follows live migrations within a site
    stray_replicas          a replica that another host has taken is known to be there
    left_definitions        what these left at other hosts starts only while the machine is at home
"""
