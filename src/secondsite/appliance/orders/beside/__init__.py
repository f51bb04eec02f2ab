"""What orders know of each other.

Its rooms:

    giving_way  copies that are only looked at give way
    turns       the scripts of a machine's hooks run one after the other
"""
