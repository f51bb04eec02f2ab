"""The cycles that a replica keeps after they were processed.

Its rooms:

    kept_cycles  those of one replica, and which instants they and its points give
    space        shorten journals before the store is full
"""

from .kept_cycles import KeptCycles, processed_at

__all__ = ["KeptCycles", "processed_at"]
