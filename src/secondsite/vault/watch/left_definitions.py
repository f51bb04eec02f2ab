"""Keeps definitions that a live migration left at other hosts of a site from starting while their machine is
at the other site, and frees them once it is home.

Appliances report them; what they report is compared with where the machine runs, so nothing that was away,
killed or restored is missed for longer than until its next report."""

import time
from collections.abc import Iterable, Iterator

import structlog

from ...ground.periodic import Periodic
from ...wire.common.machines import PowerState
from ...wire.control import orders
from ...wire.control.orders import Kind
from ...wire.control.statuses import OldCopyStatus
from ..fleet.status_intake import StatusIntake
from ..health.findings import RUNS_AT_TARGET
from ..operations.follow_migration import FOLLOWED_IN
from ..steps.absent_site import finish_later
from ..steps.absent_site.finish_later import LaterArguments
from ..steps.deps import Deps
from ..store import ApplianceRecord, MachineRecord, Transaction

EVERY_SECONDS = 2.0
AGAIN_SECONDS, LONGEST_SECONDS = 30.0, 3600.0
"""Between two orders for one definition, each time twice as long: what was done is reported within
seconds."""
LOCK = "left-definitions"
REST = frozenset({PowerState.OFF, PowerState.SAVED, PowerState.ELSEWHERE})
WHY = {
    Kind.PAUSE_REPLICATION: "the definition there is kept from starting: the machine runs at the other site",
    Kind.RESTART: "the definition there may start again: the machine is home",
}

log = structlog.get_logger()


class LeftDefinitions(Periodic):
    """Looks at what appliances report that are connected to this vault process."""

    def __init__(self, deps: Deps, facts: StatusIntake) -> None:
        super().__init__(
            "left-definitions", lambda error: log.error("left-definitions.failed", exc_info=error)
        )
        self._deps = deps
        self._facts = facts
        self._pauses: dict[tuple[str, str, Kind], tuple[float, float]] = {}
        """By appliance, machine and order: when it may be given again, and the pause after that."""

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        left = {each: copies for each, copies in self._facts.left_definitions().items() if copies}
        if not left:
            return
        with self._deps.store.reading() as tx:
            found = {
                (appliance_id, machine.id, kind)
                for appliance_id, copies in left.items()
                for machine, kind in wrong(tx, appliance_id, copies)
            }
        now = time.monotonic()
        self._pauses = {key: pause for key, pause in self._pauses.items() if key in found}
        due = [each for each in found if now >= self._pauses.get(each, (0.0, 0.0))[0]]
        if due:
            self._order(sorted(due), now)

    def _order(self, due: Iterable[tuple[str, str, Kind]], now: float) -> None:
        with self._deps.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            for appliance_id, machine_id, kind in due:
                machine = tx.machines.by_id(machine_id)
                at = tx.appliances.find(appliance_id)
                if machine is not None and at is not None:
                    submit(self._deps, tx, machine, at, kind)
                _, pause = self._pauses.get((appliance_id, machine_id, kind), (0.0, AGAIN_SECONDS))
                self._pauses[appliance_id, machine_id, kind] = now + pause, min(2 * pause, LONGEST_SECONDS)


def wrong(
    tx: Transaction, appliance_id: str, copies: Iterable[OldCopyStatus]
) -> Iterator[tuple[MachineRecord, Kind]]:
    """The machines of which a definition is left at an appliance and may start although it must not, or the
    other way round; with the order that puts it right."""
    at = tx.appliances.find(appliance_id)
    told = {each.machine_id: each for each in copies if each.fabric_id and each.power != PowerState.MISSING}
    for machine in tx.machines.several(sorted(told)) if at is not None else ():
        copy = told[machine.id]
        if at is None or at.id in (machine.source_appliance_id, machine.target_appliance_id):
            continue
        if _runs_at_the_other_site(machine, at) and not copy.fenced:
            yield machine, Kind.PAUSE_REPLICATION
        elif _is_home(machine, at, copy) and copy.fenced:
            yield machine, Kind.RESTART


def _runs_at_the_other_site(machine: MachineRecord, at: ApplianceRecord) -> bool:
    if at.site not in (machine.source_site, machine.target_site):  # it went on to a further site
        return machine.coming_appliance_id != at.id
    left = at.site == machine.source_site and machine.state in RUNS_AT_TARGET
    return left or (at.site == machine.target_site and machine.state in FOLLOWED_IN)


def _is_home(machine: MachineRecord, at: ApplianceRecord, copy: OldCopyStatus) -> bool:
    home = at.site == machine.source_site and machine.state in FOLLOWED_IN
    return home and copy.fabric_id == machine.source_fabric_id and copy.power in REST


def submit(
    deps: Deps, tx: Transaction, machine: MachineRecord, at: ApplianceRecord, kind: Kind
) -> str | None:
    """Queue the order in the caller's transaction, unless it is under way; gives the job's id."""
    if _is_under_way(tx, machine, at, kind):
        return None
    payload = (
        orders.Nothing()
        if kind is Kind.PAUSE_REPLICATION
        else orders.Restart(fabric_id=machine.source_fabric_id, start=False)
    )
    asked = LaterArguments(
        appliance_id=at.id,
        site=at.site,
        kind=kind,
        payload=payload.model_dump(mode="json"),
        generation=machine.generation,
        why=WHY[kind],
        epoch=machine.epoch,
        leads_to=machine.state,
    )
    job_id = finish_later.queue(deps, tx.session, asked, machine.id, machine.name)
    log.info("left-definition.ordered", machine=machine.name, appliance=at.name, order=kind, job=job_id)
    return job_id


def _is_under_way(tx: Transaction, machine: MachineRecord, at: ApplianceRecord, kind: Kind) -> bool:
    there = (job for job in finish_later.waiting_for(tx, at.id) if job.subject == machine.id)
    return any(LaterArguments.model_validate(job.arguments).kind is kind for job in there)
