"""A policy under which points come every two seconds."""

from secondsite.wire import rest

POLICY = {
    "name": "quick",
    "rpo_threshold_seconds": 60,
    "retention_seconds": 86400,
    "crash_consistent_every_seconds": 2,
    "app_consistent_every_seconds": 0,
    "cycle_seconds": 1,
}


def quick(**changes):
    return rest.PolicyCreate(**{**POLICY, **changes})
