"""The routes, per noun.

Its rooms:

    vault, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    machines, points, groups, plans  what is protected, and how it is recovered together
    machine_settings  what is set for single machines
    pools            addresses of the networks there
    verbs, jobs      what is started, and how it goes on
    events           as server-sent events
    evidence         what is kept of failovers and drills
    names            what stands in paths and queries
    drill_schedules  drills that the vault starts by itself
    notice_targets   whom notices go to
"""

from . import (
    appliances,
    approvals,
    audit,
    drill_schedules,
    events,
    evidence,
    groups,
    jobs,
    machine_settings,
    machines,
    networks,
    notice_targets,
    plans,
    points,
    policies,
    pools,
    sites,
    tokens,
    vault,
    verbs,
)

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
        machine_settings,
        points,
        verbs,
        jobs,
        events,
    )
)
"""Calls that need one, in the order of the documentation."""

__all__ = ["GUARDED", "OPEN"]
