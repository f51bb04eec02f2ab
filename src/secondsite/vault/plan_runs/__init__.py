"""Runs of recovery plans: one job for a verb on all machines of a plan, group after group.

Its rooms:

    arguments                what a run is to do: fixed when it is asked for
    submit                   from a request to its job: which machines, which way, from which points
    run                      the job: a check, then group after group its actions and its machines
    planned_phases           a planned failover: all copy ahead, are shut down, and start
    data_synchronization     the way home of machines that were not reprotected: which, and in which roles
    synchronized_first       the same before the failover: all are reprotected, then a person is asked
    manual_actions           actions that wait for a person's answer
    scripts                  scripts between the groups, run by the target's appliance
    networks                 networks of drills, made before the first group and left after the last
    cleanup                  drills of a run are cleaned up together
    staying_open             a drill whose job waits until all machines were tested
    outstanding_groups       what a run that stopped has left to do after groups that have arrived
    host_memory              hosts that have too little memory for all their machines together
    splitting                networks of which some machines move and others stay
    failed_over              a plan that waits for its commit, and may commit by itself
    one_run_at_a_time        one run of a plan at a time, also when one is retried
    unsynchronized_failback  of one machine: its data is synchronized by the same job
"""

from collections.abc import Mapping, Sequence

from ...domain.lifecycle import Verb
from ...jobs.model.definitions import Definition
from ..operations.interface import Operation
from ..steps.deps import Deps
from . import run, unsynchronized_failback
from .data_synchronization import as_it_goes
from .failed_over import (
    FailedOverPlan,
    commit_request,
    failover_of,
    last_failover,
    may_commit,
    repeatable,
    watched,
)
from .host_memory import warnings as memory_warnings
from .one_run_at_a_time import LOCK
from .submit import PlanRunRequest, require, shut_down_order, submit, taken, unsynchronized, warnings

__all__ = [
    "LOCK",
    "FailedOverPlan",
    "PlanRunRequest",
    "as_it_goes",
    "commit_request",
    "definitions",
    "failover_of",
    "last_failover",
    "may_commit",
    "memory_warnings",
    "repeatable",
    "require",
    "shut_down_order",
    "submit",
    "taken",
    "unsynchronized",
    "warnings",
    "watched",
]


def definitions(deps: Deps, operations: Mapping[Verb, Operation]) -> Sequence[Definition]:
    """The definitions of jobs of plans."""
    return run.definition(deps, operations), unsynchronized_failback.definition(deps, operations)
