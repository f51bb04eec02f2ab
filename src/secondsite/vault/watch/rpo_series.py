"""Every ten seconds: how old is the newest state that each machine could be recovered to?

A vault samples the machines whose target's appliance is connected to it, and those whose appliance is connected to no
vault: that is when the series matters most. If two vaults sample one machine, the first fills the slot.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ...domain import rpo
from ...ground.periodic import Periodic
from ..fleet.status_intake import StatusIntake
from ..health import findings
from ..interfaces import Gateway
from ..store import MachinePlace, StatusRecord, Store
from .rpo_unwritten import RpoUnwritten

log = structlog.get_logger()

FORGOTTEN_EVERY = timedelta(hours=1)
"""In an index, blocks of one machine that follow each other lie together: to drop six at once writes as many pages as to drop one."""


def measure(status: StatusRecord, now: datetime) -> rpo.Rpo:
    """The one definition of a machine's RPO, for the faces and for the series."""
    return rpo.measure(*instants(status), now)


def instants(status: StatusRecord) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Of the newest usable point, and of what was sent and processed last."""
    sent_at = status.source.sent_at if status.source else None
    processed_at = status.replica.processed_at if status.replica else None
    return findings.recoverable_at(status), sent_at, findings.believed_at(status, processed_at)


class RpoSeries(Periodic):
    """See the module."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        facts: StatusIntake,
        unwritten: RpoUnwritten,
        now: Callable[[], datetime],
        lived: Callable[[], datetime],
    ) -> None:
        super().__init__("rpo-series", lambda error: log.error("rpo.not-sampled", exc_info=error))
        self._store = store
        self._gateway = gateway
        self._facts = facts
        self._unwritten = unwritten
        self._now = now
        self._lived = lived
        self._forgot_at: datetime | None = None
        self._has_begun = False

    def look(self) -> None:
        """Fill the present slot of every machine that replicates; every hour, drop blocks that are a week old."""
        now = self._now()
        begins_at, slot = rpo.block_of(now)
        with self._store.reading() as tx:
            connected = {appliance.id for appliance in tx.appliances.list() if appliance.connected}
            ours = [
                machine.id
                for machine in tx.machines.places()
                if machine.state in findings.REPLICATES and self._is_ours(machine, connected)
            ]
            latest = self._facts.latest_of(tx, ours)
        measured = {machine_id: measure(status, now) for machine_id, status in latest.items()}
        self._unwritten.fill(begins_at, slot, measured)
        # abs: the clock may have been set back
        if self._forgot_at is None or abs(now - self._forgot_at) >= FORGOTTEN_EVERY:
            with self._store.transaction() as tx:
                tx.rpo.forget(self._lived() - rpo.KEPT)
            self._forgot_at = now

    def _is_ours(self, machine: MachinePlace, connected: set[str]) -> bool:
        appliance_id = machine.target_appliance_id
        return self._gateway.holds(appliance_id) or appliance_id not in connected

    def pause_seconds(self) -> float:
        """Of a vault that has just started the first slot goes by: until its appliances have spoken, all would be read from the store,
        for 0.5 s with 1,000 machines, while jobs are to go on."""
        seconds = rpo.SLOT_SECONDS - time.time() % rpo.SLOT_SECONDS
        if self._has_begun:
            return seconds
        self._has_begun = True
        return seconds + rpo.SLOT_SECONDS
