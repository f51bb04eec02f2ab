"""Runs of recovery plans: one job for a verb on all machines of a plan, group after group.

arguments    what a run is to do: fixed when it is asked for, so that whatever becomes of the plan meanwhile changes nothing
submit       from a request to its job: which machines, which way, from which points
outstanding  what a run that stopped has left to do after groups that have arrived
splitting    networks of which some machines move and others stay
turns        one run of a plan at a time, also when one is retried
scripts      scripts between the groups, run by the target's appliance
cleaning     drills of a run are cleaned up together
phases       a planned failover: all copy ahead, are shut down, and start
run          the job: a check, and for each group what people and scripts do before, its machines, and what they do after
"""

from .run import definition
from .submit import Asked, require, shut_down_order, submit, taken, warnings
from .turns import LOCK

__all__ = ["LOCK", "Asked", "definition", "require", "shut_down_order", "submit", "taken", "warnings"]
