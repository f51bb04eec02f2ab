"""What orders know of each other.

Its rooms:

    giving_way  copies that are only looked at give way
"""
