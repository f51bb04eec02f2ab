"""Closes the disks of replicas that nobody works on.

The storage daemon looks at all its open connections whenever something happens on one of them, keeps
caches for every open disk, and looks through all names when one is opened or closed
(docs/design/a-thousand-machines.md)."""

import time

import structlog

from ...ground.periodic import Every
from ...wire.common.policies import PolicyShape
from .replica import HostedReplica
from .replicas import ReplicaHost

LOOK_EVERY_SECONDS = 5.0
CYCLES_WAITED_FOR = 3
LEAST_SECONDS, MOST_SECONDS = 15.0, 120.0

log = structlog.get_logger(__name__)


def rests_after_seconds(policy: PolicyShape) -> float:
    """Seconds for which the disks stay open after their last use: machines that write come again before that.
    Pure."""
    return min(MOST_SECONDS, max(LEAST_SECONDS, CYCLES_WAITED_FOR * policy.cycle_seconds))


class IdleDisks:
    """The thread that closes idle disks. The next use opens them again."""

    def __init__(self, host: ReplicaHost) -> None:
        self._host = host
        self._every = Every("resting", LOOK_EVERY_SECONDS, self.look, _failed)

    def start(self) -> None:
        self._every.start()

    def stop(self, within_seconds: float) -> None:
        self._every.stop(within_seconds)

    def look(self) -> None:
        """Close the disks that have rested long enough."""
        now = time.monotonic()
        for hosted in self._host.all():
            if not _rests(hosted, now):
                continue
            with hosted.try_lock("closing its disks") as locked:
                if locked and _rests(hosted, now):
                    hosted.replica.close()
                    log.debug("replica.closed", machine=hosted.machine_id)


def _rests(hosted: HostedReplica, now: float) -> bool:
    used_at = hosted.replica.heads.used_at
    return used_at is not None and now - used_at > rests_after_seconds(hosted.setup.policy)


def _failed(problem: Exception) -> None:
    log.error("replica.not-closed", problem=str(problem))
