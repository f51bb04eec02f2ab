"""Test failovers (drills): their networks, schedules and verdicts.

Its rooms:

    networks   the network that a drill is asked to use, and which settings of it are possible
    schedules  which machines are drilled how often
    verdicts   passed or failed, by a person or by the proof
    ways       ways into a drill's machine, and passes by which people may take them
"""
