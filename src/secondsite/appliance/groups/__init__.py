"""Machines with common recovery points.

Its rooms:

    schedule      when each group takes its next common point
    common_point  one recovery point that all machines of a group share
    barrier       where the members wait for each other
"""

from .schedule import Groups

__all__ = ["Groups"]
