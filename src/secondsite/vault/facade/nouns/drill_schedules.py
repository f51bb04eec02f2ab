"""Drill schedules. Creating, changing or running one starts test failovers, and needs the same
permissions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ....domain import errors
from ....domain.drills import schedules as domain
from ....domain.drills.schedules import DrillSchedule
from ....domain.lifecycle import Verb
from ....domain.plans.plan import PlanMachine
from ....jobs.storage import read
from ....wire.rest import JobAccepted
from ....wire.rest import drill_schedules as rest
from ...store import DrillScheduleRecord, Transaction
from ...watch.drill_scheduler import LOCK, DrillStarter, by, machines_of, started
from ..parts import Parts
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out
from . import machines, plans


class DrillSchedules:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[rest.DrillSchedule]:
        """The schedules whose machines are all in the caller's scope."""
        with self._parts.store.reading() as tx:
            return [_info(tx, each) for each in tx.drill_schedules.list() if _sees(self._parts, tx, each)]

    def show(self, name: str) -> rest.DrillSchedule:
        """Raises NotFound, also for one that reaches beyond the caller's scope."""
        with self._parts.store.reading() as tx:
            return _info(tx, self._existing(tx, name))

    def create(self, request: rest.DrillScheduleCreate, once: Once | None = None) -> rest.DrillSchedule:
        """Create a schedule. Raises Forbidden, AlreadyExists, NotFound for a machine or a plan that does not
        exist, InvalidArgument."""
        self._begin(request)
        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.DrillSchedule, lambda: self._create(tx, request))

    def update(
        self, name: str, request: rest.DrillScheduleChange, seen: Seen | None = None
    ) -> rest.DrillSchedule:
        """Replace all settings of a schedule; from now on it runs for the caller. The time of its next turn
        stays unless the time of day or the interval changes. Raises as `create`, or ChangedMeanwhile."""
        self._begin(request)
        with self._parts.changing() as tx:
            record, before = self._editable(tx, name, seen)
            former = {key: each for each in record.schedule.machines for key in (each.name, each.id)}
            info = self._put(tx, self._meant(tx, name, request, former), record)
            self._parts.note(before, info)
            return info

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a schedule; jobs that it has started go on. Raises NotFound, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            _, before = self._editable(tx, name, seen)
            self._parts.note(before=before)
            tx.drill_schedules.remove(name)

    def run(self, name: str, once: Once | None = None) -> JobAccepted:
        """Run it now, even while it is paused; its next turn is counted from now. Raises Forbidden, NotFound,
        and NotPossibleNow with the reason why it cannot start."""
        self._parts.caller.require_verb(Verb.TEST_FAILOVER, None)
        self._parts.does(Verb.TEST_FAILOVER.value)

        def submit() -> JobAccepted:
            tx.one_at_a_time(LOCK)
            record = self._existing(tx, name)
            self._name(tx, record)
            parts = self._parts
            starting = DrillStarter(parts.deps, parts.operations, parts.facts, parts.authority)
            begun = starting.start(tx, record, by(name))
            tx.drill_schedules.put(started(record, begun.job_id, begun.left_out, parts.now()))
            return JobAccepted(job_id=begun.job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, JobAccepted, submit)

    def _begin(self, request: rest.DrillScheduleChange) -> None:
        self._parts.understood(request)
        self._parts.caller.require_verb(Verb.TEST_FAILOVER, None)
        self._parts.does(Verb.TEST_FAILOVER.value)

    def _create(self, tx: Transaction, request: rest.DrillScheduleCreate) -> rest.DrillSchedule:
        tx.one_at_a_time(LOCK)
        if tx.drill_schedules.find(request.name):
            raise errors.AlreadyExists(f"There is a drill schedule '{request.name}' already.")
        info = self._put(tx, self._meant(tx, request.name, request, {}), None)
        self._parts.note(after=info)
        return info

    def _put(
        self, tx: Transaction, schedule: DrillSchedule, record: DrillScheduleRecord | None
    ) -> rest.DrillSchedule:
        now = self._parts.now()
        plan = None if schedule.plan is None else tx.plans.find(schedule.plan)
        first = domain.first_at(schedule, now)
        if record is None:
            record = DrillScheduleRecord(schedule.name, schedule, now, now, first)
        same = _when(record.schedule) == _when(schedule)
        made = replace(
            record, schedule=schedule, changed_at=now, next_at=record.next_at if same else first,
            maker_id=self._parts.caller.token_id or None,
            plan_made_at=None if plan is None else plan.created_at,
        )  # fmt: skip
        self._name(tx, made)
        tx.drill_schedules.put(made)
        return _info(tx, made)

    def _meant(
        self,
        tx: Transaction,
        name: str,
        request: rest.DrillScheduleChange,
        former: Mapping[str, PlanMachine],
    ) -> DrillSchedule:
        """The schedule that is asked for. Raises NotFound, InvalidArgument."""
        if request.plan is not None:
            plans.existing(self._parts, tx, request.plan)
        schedule = DrillSchedule(
            name=name,
            every_days=request.every_days,
            at=request.at,
            machines=tuple(self._machine(tx, each, former) for each in request.machines),
            plan=request.plan,
            network=request.network,
            subnet=request.subnet,
            dns_servers=request.dns_servers,
            keep_if_failed=request.keep_if_failed,
            paused=request.paused,
        )
        domain.check(schedule)
        return schedule

    def _machine(self, tx: Transaction, name_or_id: str, former: Mapping[str, PlanMachine]) -> PlanMachine:
        """A machine of the schedule. One that was in it before may stay although its protection ended."""
        try:
            found = machines.existing(self._parts, tx, name_or_id)
        except errors.NotFound:
            if name_or_id not in former:
                raise
            return former[name_or_id]
        return PlanMachine(found.id, found.name, found.source_site, found.target_site)

    def _name(self, tx: Transaction, record: DrillScheduleRecord) -> None:
        """Name the machines in the act: a second person approves just these."""
        for machine in tx.machines.several([each.id for each in machines_of(tx, record)]):
            self._parts.names(machine)

    def _existing(self, tx: Transaction, name: str) -> DrillScheduleRecord:
        record = tx.drill_schedules.find(name)
        if record is None or not _sees(self._parts, tx, record):
            raise errors.NotFound.named("drill schedule", name)
        return record

    def _editable(
        self, tx: Transaction, name: str, seen: Seen | None
    ) -> tuple[DrillScheduleRecord, rest.DrillSchedule]:
        tx.one_at_a_time(LOCK)
        record = self._existing(tx, name)
        info = _info(tx, record)
        require(seen, info, f"Drill schedule '{name}'")
        return record, info


def _when(schedule: DrillSchedule) -> tuple[int, str]:
    return schedule.every_days, schedule.at


def _sees(parts: Parts, tx: Transaction, record: DrillScheduleRecord) -> bool:
    """Whether the caller sees the schedule: all its machines are in the caller's scope, by their present or
    last sites; a schedule without machines is only seen by those who see the whole vault."""
    known = machines_of(tx, record)
    if parts.sees() or not known:
        return parts.sees()
    there = {each.id: each for each in tx.machines.several([each.id for each in known])}
    now = (there.get(each.id) or each for each in known)
    return all(parts.sees(each.source_site, each.target_site) for each in now)


def _info(tx: Transaction, record: DrillScheduleRecord) -> rest.DrillSchedule:
    schedule = record.schedule
    return rest.DrillSchedule(
        name=record.name,
        machines=tuple(_shown(tx, schedule)),
        plan=schedule.plan,
        every_days=schedule.every_days,
        at=schedule.at,
        network=schedule.network,
        subnet=schedule.subnet,
        dns_servers=schedule.dns_servers,
        keep_if_failed=schedule.keep_if_failed,
        paused=schedule.paused,
        created_at=record.created_at,
        changed_at=record.changed_at,
        next_at=None if schedule.paused else record.next_at,
        last=_last(tx, record),
        said=record.said,
        said_at=record.said_at,
    )


def _shown(tx: Transaction, schedule: DrillSchedule) -> Iterator[rest.ScheduledMachine]:
    there = {each.id: each.name for each in tx.machines.several([each.id for each in schedule.machines])}
    for each in schedule.machines:
        yield rest.ScheduledMachine(id=each.id, name=there.get(each.id, each.name))


def _last(tx: Transaction, record: DrillScheduleRecord) -> rest.LastDrill | None:
    if record.job_id is None or record.started_at is None:
        return None
    job = read.find(tx.session, record.job_id)
    return rest.LastDrill(
        job_id=record.job_id, started_at=record.started_at, state=None if job is None else job.state
    )
