"""The routes, by noun.

Its rooms:

    vault, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    login                            who logs in with a name; log in, log out
    machines, points, groups, plans  protected machines, and how they are recovered together
    machine_settings                 settings of single machines
    pools                            address pools of the sites' networks
    verbs, jobs                      starting verbs, and their jobs
    events                           server-sent events
    evidence                         evidence of failovers and drills
    names                            parameters of paths and queries
    drill_schedules                  drills that the vault starts by itself
    drill_ways                       people in the machines of open drills
    notice_targets                   targets of notices
    reports                          what protection would take, and the weekly report
"""

from . import (
    appliances,
    approvals,
    audit,
    drill_schedules,
    drill_ways,
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
    reports,
    sites,
    tokens,
    vault,
    verbs,
)
from .login import command_lines, people, providers, sessions

OPEN = (
    vault.open_router,
    appliances.open_router,
    sessions.open_router,
    providers.open_router,
    command_lines.open_router,
)
"""Routers of calls without a token."""
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
        people,
        providers,
        sessions,
        command_lines,
        audit,
        approvals,
        evidence,
        groups,
        plans,
        drill_schedules,
        drill_ways,
        notice_targets,
        machines,
        machine_settings,
        points,
        verbs,
        jobs,
        reports,
        events,
    )
)
"""Routers of calls that need a token, in the order of the documentation."""

__all__ = ["GUARDED", "OPEN"]
