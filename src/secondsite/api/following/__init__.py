"""Streams of events for those who follow changes.

Its rooms:

    changes  changes reported by other threads, awaited in the event loop
    hub      one reader for all who follow the same thing
    boxes    events that a follower has not been sent yet
    streams  the events of a job, and of the vault
    live     rows of machines and jobs, one batch a second
"""

from .hub import Hub, Hubs

__all__ = ["Hub", "Hubs"]
