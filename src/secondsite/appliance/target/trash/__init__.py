"""Removed replicas, until the deletion delay is over.

Its rooms:

    item     one folder of it
    trash    what is there, and when it goes
    by_hand  restores and deletes items for a person at this site
"""

from . import by_hand
from .item import FILE, Item, Why
from .trash import Trash, find

__all__ = ["FILE", "Item", "Trash", "Why", "by_hand", "find"]
