"""Acts of a simulated site's owner and of its guests, from any process.

Its rooms:

    making   make machines and networks, grow disks, cut the power
    storage  snapshots, copies put back, live migration, files that others hold
    guest    write to the disks over NBD
    writer   a guest that keeps writing
"""
