"""Machines with common recovery points.

Its rooms:

    schedule           when each group takes its next common point
    permitted_leaders  which other appliance may ask for one
    common_point       one recovery point that all machines of a group share
    outcome            what comes of it
    leader             members behind other appliances, as who leads them sees them
    link               what they say to each other
    member             one machine of a common point
    barrier            where the members wait for each other
"""

from .schedule import Groups

__all__ = ["Groups"]
