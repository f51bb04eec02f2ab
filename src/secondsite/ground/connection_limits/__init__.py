"""Who may be connected to a port that anybody can dial: how many at once, how often, and for how long.

Its rooms:

    connection_limits  the connections of a port, and who has to go
    barrier            whom the kernel keeps out, for who dials too often
    listener           a listening socket that lets only those in
    tally              what happens too often to log each time
    descriptors        how many connections this process can hold
"""

from .connection_limits import Limits, Visitors, watch
from .descriptors import ask_for
from .listener import listen
from .tally import Tally

__all__ = ["Limits", "Tally", "Visitors", "ask_for", "listen", "watch"]
