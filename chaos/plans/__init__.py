"""Random walks over a recovery plan: runs of every verb, persons who answer or do not, cancels, kills, starts
that fail.

Its rooms:

    walking    episodes of steps; what `./dev chaos --walks N --plans` runs
    ladder     kills at every seam of runs; what `./dev chaos --sweep --plans` runs
    drawing    what a step is: drawn before it begins, the same for the same seed
    party      the machines of the plan, each with its guest, and how all come to rest
    running    a verb for the plan, what happens beside it, and what was seen of it
    sightings  somebody who looks at the hosts all the time
    scripts    the plan's script, which notes each time that it ran
    promises   what a run promises, asked of what was seen; pure
"""
