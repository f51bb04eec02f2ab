"""What each state of libvirt, with its reason, means for us: the one table of them.

`power` is the state that everything else uses (domain/power_states.py says what it means for each verb).
`ours`: a start continues from this state, because it is the middle of a start; every other pause is the
owner's or the hypervisor's, and is left alone. A state that is not in the table counts as running: only when
a machine is certainly off does nobody write to its disks."""

from dataclasses import dataclass
from typing import Any

import libvirt

from ...interface import PowerState
from . import connection

RUNNING, PAUSED, OFF, CRASHED = PowerState.RUNNING, PowerState.PAUSED, PowerState.OFF, PowerState.CRASHED


@dataclass(frozen=True, slots=True)
class Row:
    power: PowerState
    what: str
    ours: bool = False


UNKNOWN = Row(RUNNING, "in a state that is not known here")
STATES: dict[tuple[int, int | None], Row] = {
    (libvirt.VIR_DOMAIN_NOSTATE, None): Row(RUNNING, "in no state that libvirt tells"),
    (libvirt.VIR_DOMAIN_RUNNING, None): Row(RUNNING, "running"),
    (libvirt.VIR_DOMAIN_BLOCKED, None): Row(RUNNING, "waiting for a resource"),
    (libvirt.VIR_DOMAIN_SHUTDOWN, None): Row(RUNNING, "shutting down"),
    (libvirt.VIR_DOMAIN_PAUSED, None): Row(PAUSED, "paused"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER): Row(PAUSED, "paused by its owner"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR): Row(
        PAUSED, "paused by an error of a disk"
    ),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_WATCHDOG): Row(PAUSED, "paused by its watchdog"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION): Row(PAUSED, "paused for a migration"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY): Row(PAUSED, "paused for a migration"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED): Row(
        PAUSED, "paused by a failed migration"
    ),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SAVE): Row(PAUSED, "paused to be saved"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_DUMP): Row(
        PAUSED, "paused for a dump of its memory"
    ),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT): Row(PAUSED, "paused for a snapshot"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_FROM_SNAPSHOT): Row(
        PAUSED, "paused as its snapshot was"
    ),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SHUTTING_DOWN): Row(PAUSED, "going off"),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP): Row(PAUSED, "starting", ours=True),
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_CRASHED): Row(CRASHED, "crashed, and kept"),
    (libvirt.VIR_DOMAIN_CRASHED, None): Row(CRASHED, "crashed, and kept"),
    (libvirt.VIR_DOMAIN_PMSUSPENDED, None): Row(PAUSED, "put to sleep by its guest"),
    (libvirt.VIR_DOMAIN_SHUTOFF, None): Row(OFF, "off"),
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED): Row(OFF, "migrated away"),
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED): Row(OFF, "saved"),
}
"""The table by state and reason; a reason without a row of its own has the row of None."""


def row(state: int, reason: int) -> Row:
    return STATES.get((state, reason)) or STATES.get((state, None), UNKNOWN)


def told(domain: Any) -> tuple[int, int]:
    """libvirt's own state and reason."""
    state, reason = connection.call("reading the power state", domain.state)
    return int(state), int(reason)


def of(domain: Any) -> Row:
    return row(*told(domain))
