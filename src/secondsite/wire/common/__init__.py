"""Shapes that faces and appliances both know.

Its rooms:

    base, instants, numbers      what all shapes share
    machines                     a machine, its disks and its network cards
    points, findings, sync_mode  what is known of a machine's replication
    policies, bandwidth          settings
"""
