"""Random walks over real processes on simulated sites: anything that operators, owners and accidents do, in
any order.

Its rooms:

    walking    episodes of steps until the number is reached; the report
    walkers    several episodes side by side
    episode    two sites, their links, what is known of them, and how they come to rest
    steps      the kinds of steps and how often each is taken
    verbs      what an operator may ask for now, and what became of it
    accidents  kills, cuts, reboots, databases of yesterday, sites that are lost
    owner      what an owner does to machines behind our back
    disks      what an owner does to their files, and to other hosts of a site
"""
