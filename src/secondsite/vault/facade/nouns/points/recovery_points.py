"""Recovery points of a machine, and what a choice would pick now."""

from collections.abc import Sequence
from datetime import datetime

from .....domain import errors, points, shell
from .....domain.lifecycle import RUNS_AT_TARGET_AT_REST, State
from .....domain.points import RecoveryPointChoice
from .....wire import rest
from .....wire.common.base import Problem
from .....wire.common.points import PointShape
from .....wire.control import orders
from ....health import machine_rpo
from ....steps.points import boot_point, choose_recovery_point, restore_copy, verify_point
from ....steps.sides import properties
from ....store import ApplianceRecord, MachineRecord, StatusRecord, Transaction
from ...parts import Parts
from ...shared import names_of_machines
from ...shared.answered_order import ask_and_wait
from ...shared.idempotency import Once, carry_out
from ...shared.paging import Place, page, place_of
from .. import machines

EVERY = rest.PointQuery()
ASK_SECONDS = 10.0


class Points:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, machine: str, query: rest.PointQuery = EVERY) -> rest.PointPage:
        """The machine's points, newest first. Raises NotFound, or InvalidArgument for a bad cursor."""
        after = place_of(query.cursor, (int, int))
        with self._parts.store.reading() as tx:
            status = self._parts.facts.latest(tx, machines.existing(self._parts, tx, machine).id)
        points = sorted(_points(status), key=_place, reverse=True)
        following = (
            each for each in points if (after is None or _place(each) < after) and _fits(each, query)
        )
        items, cursor = page(following, query.limit, _place)
        return rest.PointPage(items=items, next=cursor)

    def preview(
        self,
        machine: str,
        choice: RecoveryPointChoice,
        point_id: str | None = None,
        at: datetime | None = None,
    ) -> rest.RecoveryPreview:
        """The point that a failover started now would use, and the seconds of work that it would lose; for a
        choice that is not possible, `problem` says why. For a time the target's appliance is asked. Raises
        NotFound for an unknown machine, InvalidArgument for more than one of time, point and choice."""
        choice = _meant(choice, point_id, at)
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            there = properties.set_for(tx, record)
            if at is None:
                return self._alone(tx, record, choice, point_id)
            appliance = tx.appliances.find(record.target_appliance_id)
            known = _points(self._parts.facts.latest(tx, record.id))
        found = self._at(record, [appliance] if appliance else [], known, at)
        return found.model_copy(update={"second_site": there})

    def _at(
        self,
        record: MachineRecord,
        appliances: Sequence[ApplianceRecord],
        known: Sequence[PointShape],
        at: datetime,
    ) -> rest.RecoveryPreview:
        preview = rest.RecoveryPreview(machine=record.name, choice=RecoveryPointChoice.CUSTOM)
        order, asked = orders.FIND_INSTANT, orders.FindInstant(at=at)
        try:
            _require_choice(record)
            (found,) = ask_and_wait(self._parts, appliances, order, asked, ASK_SECONDS, record.id)
            point = _reported(record, known, found.point_id)
        except errors.SecondsiteError as problem:
            return preview.model_copy(update={"problem": Problem.of(problem)})
        return preview.model_copy(
            update={
                "point": point,
                "forward": found.forward,
                "loses_seconds": _seconds(found.taken_at, _wrote_until(record, self._parts.now())),
            }
        )

    def verify(
        self, machine: str, point_id: str, requested_by: str, once: Once | None = None
    ) -> rest.JobAccepted:
        """Start a job that reads the point at the target and compares it with what was sealed. Raises
        NotFound."""

        def submit() -> rest.JobAccepted:
            record = machines.existing(self._parts, tx, machine)
            require_known(self._parts, tx, record, point_id)
            job_id = verify_point.submit(self._parts.deps, tx, record, point_id, requested_by)
            return rest.JobAccepted(job_id=job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.JobAccepted, submit)

    def boot(
        self,
        machine: str,
        point_id: str,
        request: rest.PointBoot,
        requested_by: str,
        once: Once | None = None,
    ) -> rest.JobAccepted:
        """Start a job that boots a copy from the point at the target, looks at it and removes it. Raises
        NotFound, NotPossibleNow."""

        def submit() -> rest.JobAccepted:
            record = machines.existing(self._parts, tx, machine)
            require_known(self._parts, tx, record, point_id)
            job_id = boot_point.submit(
                self._parts.deps,
                tx,
                record,
                point_id,
                requested_by,
                network=request.network,
                or_older=request.or_older,
            )
            return rest.JobAccepted(job_id=job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.JobAccepted, submit)

    def restore(
        self,
        machine: str,
        point_id: str,
        request: rest.PointRestore,
        requested_by: str,
        once: Once | None = None,
    ) -> rest.JobAccepted:
        """Start a job that makes a machine of its own from the point, at the target's site. Raises NotFound,
        InvalidArgument, NotPossibleNow."""

        def submit() -> rest.JobAccepted:
            record = machines.existing(self._parts, tx, machine)
            require_known(self._parts, tx, record, point_id)
            _require_choice(record)
            names_of_machines.require_free(tx, record, request.name, record.target_site)
            job_id = restore_copy.submit(self._parts.deps, tx, record, point_id, request, requested_by)
            return rest.JobAccepted(job_id=job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.JobAccepted, submit)

    def _alone(
        self,
        tx: Transaction,
        record: MachineRecord,
        choice: RecoveryPointChoice,
        point_id: str | None,
    ) -> rest.RecoveryPreview:
        """The preview for the machine by itself: with others of its group it may start from its own point;
        alone it has no common point."""
        try:
            points.require_common(choice, record.group is not None, record.name)
        except errors.InvalidArgument as problem:
            return rest.RecoveryPreview(machine=record.name, choice=choice, problem=Problem.of(problem))
        return self.previewed(tx, record, choice, point_id)

    def previewed(
        self,
        tx: Transaction,
        record: MachineRecord,
        choice: RecoveryPointChoice,
        point_id: str | None = None,
    ) -> rest.RecoveryPreview:
        """As `preview`, for a machine that was found."""
        status = self._parts.facts.latest(tx, record.id)
        try:
            _require_choice(record)
            known = _points(status)
            if choice is RecoveryPointChoice.LATEST:
                known = (*_not_yet_sealed(status, record.state in RUNS_AT_TARGET_AT_REST), *known)
            point = points.pick(known, choice, point_id, choose_recovery_point.chosen_set(tx, record, choice))
        except errors.SecondsiteError as problem:
            reason = Problem.of(problem)
            return rest.RecoveryPreview(
                machine=record.name, choice=choice, point=None, loses_seconds=None, problem=reason
            )
        loses = loses_seconds(status, point, _wrote_until(record, self._parts.now()))
        return rest.RecoveryPreview(
            machine=record.name,
            choice=choice,
            point=point,
            loses_seconds=loses,
            second_site=properties.set_for(tx, record),
        )


def require_known(parts: Parts, tx: Transaction, record: MachineRecord, point_id: str) -> None:
    """Raises NotFound for a point that its target did not tell of."""
    known = _points(parts.facts.latest(tx, record.id))
    if point_id not in {point.id for point in known}:
        raise errors.NotFound(
            f"{record.name} has no recovery point '{point_id}'.",
            do=f"List them with 'secondsite point list {shell.arguments(record.name)}'.",
        )


def _place(point: PointShape) -> Place:
    return point.epoch, point.seq


def _fits(point: PointShape, query: rest.PointQuery) -> bool:
    return (
        query.consistency in (None, point.consistency)
        and query.set_id in (None, point.set_id)
        and query.held in (None, point.held is not None)
        and query.damaged in (None, point.damaged)
        and query.proven in (None, point.proof is not None)
        and (query.since is None or point.taken_at >= query.since)
        and (query.before is None or point.taken_at < query.before)
    )


def _require_choice(record: MachineRecord) -> None:
    """Raises NotPossibleNow for a machine that was committed: it has one point, on which it stands."""
    if record.state is State.COMMITTED:
        raise errors.NotPossibleNow(
            f"No recovery point can be chosen: {record.name} is committed, and nothing is replicated until "
            "it is protected again.",
            do=f"Protect it with 'secondsite machine reprotect {shell.arguments(record.name)}'.",
        )


def _wrote_until(record: MachineRecord, now: datetime) -> datetime:
    """How long the source may have written. What a failed-over machine writes at its target is not counted
    here: each change of the point gives it up."""
    if record.state in RUNS_AT_TARGET_AT_REST and record.failed_over_at is not None:
        return min(record.failed_over_at, now)
    return now


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, round((until - since).total_seconds(), 3))


def _reported(record: MachineRecord, known: Sequence[PointShape], point_id: str) -> PointShape:
    """The point with this id, as reported; the target may have sealed it since its last report."""
    for point in known:
        if point.id == point_id:
            return point
    raise errors.NotPossibleNow(
        f"Point {point_id} of {record.name} was made just now.", do="Ask again in a few seconds."
    )


def _points(status: StatusRecord) -> tuple[PointShape, ...]:
    return status.replica.points if status.replica else ()


def _meant(choice: RecoveryPointChoice, point_id: str | None, at: datetime | None) -> RecoveryPointChoice:
    """The choice, as the verbs use it: a point by its id, or a time, is a choice of its own."""
    unsaid = (RecoveryPointChoice.LATEST, RecoveryPointChoice.CUSTOM)
    if at is not None and (point_id or choice not in unsaid):
        raise errors.InvalidArgument(
            "A time was given together with a point or a choice.", do="Give one of them."
        )
    if point_id and choice not in unsaid:
        raise errors.InvalidArgument(
            f"Both a point ('{point_id}') and the choice '{choice}' were given.", do="Give one of them."
        )
    return RecoveryPointChoice.CUSTOM if point_id else choice


def _not_yet_sealed(status: StatusRecord, is_failed_over: bool) -> tuple[PointShape, ...]:
    """The point that LATEST would make by processing and sealing what was sent; none if that cycle has a
    point already. For a machine that rests, that point stays the newest: a later report that nothing was
    written makes no other. At a failed-over machine's replica no more cycles arrive: what it has processed is
    the latest."""
    source, replica = status.source, status.replica
    if replica is None or not replica.synchronized:
        return ()
    if is_failed_over:
        seq, taken_at = replica.processed_seq, replica.processed_at
    elif source is None or source.epoch != replica.epoch:
        return ()
    else:
        seq, taken_at = source.last_seq, source.sent_at
    if seq is None or taken_at is None or (replica.epoch, seq) in map(_place, replica.points):
        return ()
    new_id = points.point_id(taken_at, replica.epoch, seq)
    return (PointShape(id=new_id, taken_at=taken_at, epoch=replica.epoch, seq=seq),)


def loses_seconds(status: StatusRecord, point: PointShape, now: datetime) -> float:
    """The most seconds of the source's work that a start from the point loses. A machine that is off writes
    nothing: its last writes were before it was last reported, and if those were sent, before the newest
    point."""
    source = status.source
    if source is None or source.power != "off":
        until = now
    elif not source.all_sent:
        until = status.source_at or now
    elif (source.epoch, source.last_seq) == _place(point):
        return 0.0
    else:
        until = source.sent_at or now
    return _seconds(machine_rpo.believed_at(status, point.taken_at) or point.taken_at, min(until, now))
