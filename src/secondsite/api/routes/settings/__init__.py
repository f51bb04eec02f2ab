"""Routes: what is set for single machines.

Its rooms:

    cards   how a machine's network cards are connected at its second site
"""

from .cards import router

__all__ = ["router"]
