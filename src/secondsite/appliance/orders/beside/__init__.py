"""What orders know of each other.

Its rooms:

    live_chains says when a machine's disks stand on many files
    giving_way  copies that are only looked at give way
    turns       the scripts of a machine's hooks run one after the other
"""
