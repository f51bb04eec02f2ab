"""Streams of what changes, for whoever follows them.

changes    what other threads tell of, awaited in the event loop
hub        one reader for all who follow the same
boxes      what a follower has not been sent yet
streams    the events of a job, and of the vault
"""

from .hub import Hub, Hubs

__all__ = ["Hub", "Hubs"]
