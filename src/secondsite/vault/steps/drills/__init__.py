"""Test failovers: their networks, how they end, and what they showed.

Its rooms:

    automatic_cleanup  the last steps of a test failover that cleans up
    staying_open       the last step of one whose job stays open until it is completed
    drill_cleanup      removes the machine and the network, keeps notes and verdict
    drift              what has changed in a machine since one passed
    networking         the network of one, or one for each that its machines are in at home
    spanning           the hosts that share these
"""
