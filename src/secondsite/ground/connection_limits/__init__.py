"""Limits connections to a port that anybody can dial: how many at once, how often, and for how long.

Its rooms:

    connection_limits  the connections of a port, and which are closed
    barrier            lets the kernel block addresses that dial too often
    listener           a listening socket that accepts only allowed connections
    tally              what happens too often to log each time
    descriptors        how many connections this process can hold
"""

from .connection_limits import Limits, Visitors, origin, watch
from .descriptors import ask_for
from .listener import listen
from .tally import Tally

__all__ = ["Limits", "Tally", "Visitors", "ask_for", "listen", "origin", "watch"]
