"""Routes: test failovers that the vault starts.

Its rooms:

    schedules  which machines, how often
"""
