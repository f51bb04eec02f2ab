"""Removed replicas, until the deletion delay is over.

Its rooms:

    trash    what is there, and when it goes
    by_hand  what a person at this site makes of it
"""

from . import by_hand
from .trash import FILE, Item, Trash, Why

__all__ = ["FILE", "Item", "Trash", "Why", "by_hand"]
