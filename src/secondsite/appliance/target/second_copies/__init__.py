"""Whether a machine at this site is a second copy of one whose replica is here, or runs on the disks that the
replica stands on.

Its rooms:

    watch   looks, every twenty seconds
    copies  whether a machine is such a copy, by its files
    advice  what is said about a copy, and what to do
"""

from . import advice, copies, watch
from .watch import SecondCopies

__all__ = ["SecondCopies", "advice", "copies", "watch"]
