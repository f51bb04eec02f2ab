"""A cancel of a failover that failed because what answers for the machine was away goes on once that is back:
a line that was lost leaves nobody half-way between two sites."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import structlog

from ...domain import errors
from ...domain.lifecycle import State
from ...ground.periodic import Periodic
from ...jobs.model.failures import Refused
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ...wire.control.orders import POWER, FabricMachine, Kind
from ...wire.control.reports import facts_of
from ..steps import automatic_cancel
from ..steps.deps import Deps
from ..store import MachineRecord, Transaction

EVERY_SECONDS = 10.0
ASKED_SECONDS = 60.0

log = structlog.get_logger()


class _Asked(NamedTuple):
    """An order that was given for a machine whose cancel has failed."""

    order_id: str
    job_id: str


class CancelsAgain(Periodic):
    """Asks for machines whose appliance is connected to this vault process."""

    def __init__(self, deps: Deps, retry: Callable[[Session, str], None]) -> None:
        """`retry` lets a failed job go on, in the caller's transaction; raises Refused."""
        super().__init__("cancels-again", lambda error: log.error("cancels-again.failed", exc_info=error))
        self._deps = deps
        self._retry = retry
        self._asked: dict[str, _Asked] = {}

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        with self._deps.store.reading() as tx:
            found = [each for each in waiting(tx) if self._deps.gateway.holds(each[0].source_appliance_id)]
        jobs = {machine.id: job.id for machine, job in found}
        self._asked = {key: each for key, each in self._asked.items() if jobs.get(key) == each.job_id}
        for machine, job in found:
            if self._is_back(machine, job):
                self._go_on(machine, job)

    def _is_back(self, machine: MachineRecord, job: JobView) -> bool:
        """What was told since the last round; one that still waits is asked again in the next one."""
        asked = self._asked.setdefault(machine.id, _Asked(f"{job.id}/back/{self._deps.new_id()}", job.id))
        payload = FabricMachine(fabric_id=machine.source_fabric_id, comes_back=True)
        report = self._deps.gateway.ask(
            machine.source_appliance_id, asked.order_id, Kind.POWER, machine.id, payload, ASKED_SECONDS
        )
        if report is None:
            return False
        self._asked.pop(machine.id)
        self._deps.gateway.forget(asked.order_id)
        try:
            return not facts_of(POWER, report).obstacles
        except errors.SecondsiteError:
            return False

    def _go_on(self, machine: MachineRecord, job: JobView) -> None:
        try:
            with self._deps.store.transaction() as tx:
                self._retry(tx.session, job.id)
        except Refused as refused:  # somebody else was faster
            log.info("cancel.not-retried", machine=machine.name, job=job.id, problem=refused.message)
            return
        log.info("cancel.retried", machine=machine.name, job=job.id)


def waiting(tx: Transaction) -> Iterator[tuple[MachineRecord, JobView]]:
    """The machines that such a cancel has left half-way, with its job."""
    for machine in tx.machines.in_state(State.CANCEL_FAILED):
        job = read.find(tx.session, machine.claimed_by) if machine.claimed_by else None
        if job is not None and automatic_cancel.is_passing(job):
            yield machine, job
