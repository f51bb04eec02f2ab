"""The routes, per noun.

Its rooms:

    vault, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    machines, points, groups, plans                       what is protected, and how it is recovered together
    settings                                              what is set for single machines, and pools of addresses
    verbs, jobs                                           what is started, and how it goes on
    events                                                as server-sent events
    evidence                                              what is kept of failovers and drills
    notices                                               what people and programs are told of
    drills                                                test failovers that the vault starts
    names                                                 what stands in paths and queries
"""

from . import (
    appliances,
    approvals,
    audit,
    events,
    groups,
    jobs,
    machines,
    networks,
    plans,
    points,
    policies,
    settings,
    sites,
    tokens,
    vault,
    verbs,
)
from .drills import schedules as drill_schedules
from .evidence import entries as evidence
from .notices import targets as notice_targets
from .settings import checks, hooks, pools, properties

OPEN = (vault.open_router, appliances.open_router)
"""Calls without a token."""
GUARDED = tuple(
    noun.router
    for noun in (
        vault,
        sites,
        appliances,
        networks,
        pools,
        policies,
        tokens,
        audit,
        approvals,
        evidence,
        groups,
        plans,
        drill_schedules,
        notice_targets,
        machines,
        settings,
        checks,
        hooks,
        properties,
        points,
        verbs,
        jobs,
        events,
    )
)
"""Calls that need one, in the order of the documentation."""

__all__ = ["GUARDED", "OPEN"]
