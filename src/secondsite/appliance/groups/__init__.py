"""Machines with common recovery points.

Its rooms:

    schedule           when each group takes its next common point
    permitted_leaders  which other appliance may ask for one
    common_point       one recovery point that all machines of a group share
    outcome            the result of a common point
    leader             asks the other appliances of a group to take part
    link               the messages between them
    member             one machine of a common point
    barrier            where the members wait for each other
"""

from .schedule import Groups

__all__ = ["Groups"]
