"""Whether machines of a cluster run, and what forbids that.

Proxmox VE lets no API token keep a machine from starting: its lock and its hook script only root of a node
may set. So a start that is forbidden is marked, taken from the host's own start, and refused to ourselves;
the machine's owner can start it all the same."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ...domain import errors
from ..interface import Obstacle, PowerState, Progress, untold
from .connection import Connection
from .errors import PveRefused
from .hindrances import starts_by_ha
from .inventory import not_found
from .machines import ON, UNKNOWN, Known, Machines
from .tagging import PveTags, nothing_first
from .tasks import LOOK_SECONDS, ended

START_SECONDS = 300.0
STOP_SECONDS = 60.0
LATE_SECONDS = 30.0
SUSPENDED = "suspended"
"""The lock of a machine whose memory was saved; it starts with that."""
NOT_IN_TIME = "powerdown failed"
"""How the task of a shutdown ends whose guest is still on."""
PAUSED = frozenset({"paused", "prelaunch", "suspended", "io-error"})
CRASHED = frozenset({"guest-panicked", "internal-error", "shutdown"})


class PvePower:
    def __init__(
        self,
        connection: Connection,
        machines: Machines,
        tags: PveTags,
        first: Callable[[str], None] = nothing_first,
    ) -> None:
        """`first` frees a machine of a cycle of ours before it is shut down or stopped."""
        self._connection, self._machines, self._tags = connection, machines, tags
        self._first = first

    def state(self, fabric_id: str) -> PowerState:
        """As the interface says. Raises PveAway for a machine whose node does not answer: nobody knows."""
        found = self._machines.find(fabric_id)
        return PowerState.MISSING if found is None else self._state(found)

    def start(self, fabric_id: str, progress: Progress = untold) -> None:
        found = self._tags.ours(fabric_id)
        if found.is_start_forbidden:
            raise errors.FabricError(
                f"The start of {found.row.label} is forbidden: it was failed over.",
                do="Fail it back, or cancel its failover; then it is allowed.",
            )
        if self._state(found).is_on:
            return
        self._act(found, "start", START_SECONDS)
        self._await(found, START_SECONDS, on=True)

    def cannot_start(self, fabric_id: str) -> Obstacle | None:
        found = self._machines.glance(fabric_id)
        if found is None or found.row.status != UNKNOWN:
            return None
        return Obstacle(f"Its node {found.row.node} does not answer.", "Look at the node: 'pvecm status'.")

    def stays_defined(self, fabric_id: str) -> bool:
        return True

    def starts_with_host(self, fabric_id: str) -> bool:
        """Also one that the cluster's HA manager starts."""
        found = self._machines.find(fabric_id)
        if found is None:
            raise not_found(fabric_id)
        return found.config.get("onboot") == "1" or starts_by_ha(found.row)

    def forbid_start(self, fabric_id: str, tag: str) -> None:
        """Raises FabricError, once it is marked, for a machine that the HA manager starts all the same."""
        self._tags.mark(fabric_id, tag, forbidden=True, with_host=False)
        found = self._machines.find(fabric_id)
        if found is not None and starts_by_ha(found.row):
            raise errors.FabricError(
                f"{found.row.label} is marked, but the cluster's HA manager starts it all the same.",
                do=f"Run 'ha-manager set vm:{found.row.vmid} --state ignored' at a node, and repeat it.",
            )

    def allow_start(self, fabric_id: str, tag: str, *, with_host: bool) -> None:
        self._tags.mark(fabric_id, tag, forbidden=False, with_host=with_host)

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """The guest may go off later, too, if it was asked."""
        found = self._tags.ours(fabric_id)
        if not self._state(found).is_on:
            return True
        self._first(fabric_id)
        try:
            self._act(found, "shutdown", grace_seconds + LATE_SECONDS, timeout=math.ceil(grace_seconds))
        except PveRefused as problem:
            if NOT_IN_TIME not in problem.message:
                raise
        return self._is_off_soon(found, grace_seconds)

    def stop(self, fabric_id: str) -> None:
        """Something else that works with the machine, such as a backup, keeps it from being stopped: raises
        PveLocked."""
        if self._machines.find(fabric_id) is None:
            return
        found = self._tags.ours(fabric_id)
        if self._state(found).is_on:
            self._first(fabric_id)
            self._act(found, "stop", STOP_SECONDS)
            self._await(found, STOP_SECONDS, on=False)

    def _state(self, found: Known) -> PowerState:
        told = self._machines.status(found)
        if told.status != ON:
            return PowerState.SAVED if told.lock == SUSPENDED else PowerState.OFF
        if told.qmpstatus in CRASHED:
            return PowerState.CRASHED
        return PowerState.PAUSED if told.qmpstatus in PAUSED else PowerState.RUNNING

    def _act(self, found: Known, act: str, seconds: float, **fields: int) -> None:
        given = {key: str(value) for key, value in fields.items()}
        started = self._connection.post(f"{found.path}/status/{act}", given)
        ended(self._connection, started, f"{act} of {found.row.label}", seconds)

    def _await(self, found: Known, seconds: float, *, on: bool) -> None:
        if not self._is_within(found, seconds, on=on):
            wanted = "on" if on else "off"
            raise errors.FabricError(f"{found.row.label} is not {wanted} after {seconds:.0f} s.")

    def _is_off_soon(self, found: Known, grace_seconds: float) -> bool:
        """The task of one that the HA manager has ends as soon as that was told: then it is waited for."""
        return self._is_within(found, grace_seconds if found.row.hastate else 0.0, on=False)

    def _is_within(self, found: Known, seconds: float, *, on: bool) -> bool:
        until = time.monotonic() + seconds
        while self._state(found).is_on is not on:
            if time.monotonic() >= until:
                return False
            time.sleep(LOOK_SECONDS)
        return True
