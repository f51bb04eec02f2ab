"""Services of a machine, asked over its network.

Its rooms:

    reaching  the interface of this room
    cards     the machine's addresses, and the bridge that its card is on
    visiting  the process that asks
    program   what runs in it
"""
