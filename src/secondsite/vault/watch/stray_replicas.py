"""The record follows the store: another appliance of the target's site may have a replica than the vault
knows of, because it took it over and nobody heard of that. Such a one is moved to where it is."""

import time

import structlog

from ...domain import errors
from ...ground.periodic import Periodic
from ...wire.rest.verbs import MoveReplica
from ..fleet.status_intake import StatusIntake
from ..fleet.statuses.acceptance import StrayReplica
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..store import MachineRecord, Transaction

EVERY_SECONDS = 5.0
SEEN_SECONDS = 15.0
"""How long it is reported: a job that has it taken over writes that down within moments."""
AGAIN_SECONDS = 600.0
LISTENS_SECONDS = 60.0
"""By then a vault that has just started has heard all that are there."""
LOCK, BY = "stray-replicas", "secondsite"

log = structlog.get_logger()


class StrayReplicas(Periodic):
    """Looks for them, and has each moved by `move`."""

    def __init__(self, deps: Deps, move: Operation, facts: StatusIntake) -> None:
        super().__init__("stray-replicas", lambda error: log.error("strays.failed", exc_info=error))
        self._deps = deps
        self._move = move
        self._facts = facts
        self._begins = time.monotonic() + LISTENS_SECONDS
        self._not_before: dict[str, float] = {}
        """By machine: after a job it is tried again a while later."""

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        now, strays = time.monotonic(), self._facts.strays()
        if now < self._begins:
            return
        self._not_before = {key: until for key, until in self._not_before.items() if key in strays}
        for machine_id, stray in strays.items():
            if now >= max(stray.since + SEEN_SECONDS, self._not_before.get(machine_id, 0.0)):
                self._follow(machine_id, stray, now)

    def _follow(self, machine_id: str, stray: StrayReplica, now: float) -> None:
        with self._deps.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            machine = tx.machines.find(machine_id)
            if machine is None or not self._is_lost(tx, machine, stray):
                return
            asked = MoveReplica(machines=(machine.id,), target_appliance=stray.appliance_id)
            try:
                job_id = self._move.submit(tx, asked, BY).job_id
            except errors.SecondsiteError as problem:
                log.info("strays.left", machine=machine.name, why=problem.message)
                return
            self._not_before[machine_id] = now + AGAIN_SECONDS
        log.warning("strays.followed", machine=machine.name, appliance=stray.appliance_id, job=job_id)

    def _is_lost(self, tx: Transaction, machine: MachineRecord, stray: StrayReplica) -> bool:
        """Whether its own target is there and has no replica of it, and the other is of that site."""
        at = tx.appliances.find(stray.appliance_id)
        is_there = at is not None and at.site == machine.target_site
        is_elsewhere = machine.target_appliance_id != stray.appliance_id and machine.epoch == stray.epoch
        return is_there and is_elsewhere and self._deps.gateway.is_connected(machine.target_appliance_id)
