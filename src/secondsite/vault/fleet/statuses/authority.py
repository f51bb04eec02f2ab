"""Whose word counts of a machine: that of the appliance that has the role in which it speaks, and of nobody else.

Each reprotect turns the direction and begins the next epoch. So a status of another epoch, as a restored vault hears it, tells
which side says it: in epochs that differ by an odd number the two sides have each other's role."""

import time
from collections.abc import Callable

import structlog

from ....wire.control.statuses import ReplicaStatus, SourceStatus
from ...store import MachineRecord

TELL_EVERY_SECONDS = 600.0
MOST_KEPT = 1000

log = structlog.get_logger()


def speaks_for(machine: MachineRecord, status: SourceStatus | ReplicaStatus) -> str:
    """The appliance that has this status to give."""
    turned = (status.epoch - machine.epoch) % 2 == 1
    of_source = isinstance(status, SourceStatus) is not turned
    if of_source and turned and status.epoch > machine.epoch and machine.coming_appliance_id:
        return machine.coming_appliance_id  # a reprotect to another appliance is under way
    return machine.source_appliance_id if of_source else machine.target_appliance_id


class Strangers:
    """Tells of statuses that do not count, for each appliance every ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}

    def note(self, appliance_id: str, machine_id: str) -> None:
        now, told_at = self._clock(), self._told_at.get(appliance_id)
        if told_at is not None and now - told_at < TELL_EVERY_SECONDS:
            return
        if len(self._told_at) >= MOST_KEPT:
            self._told_at.clear()
        self._told_at[appliance_id] = now
        log.warning("status.not-counted", appliance=appliance_id, machine=machine_id)
