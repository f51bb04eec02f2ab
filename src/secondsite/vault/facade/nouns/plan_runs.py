"""Runs of plans: a verb for all machines of a plan, and a preview of what it would do."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ....domain import errors
from ....domain.lifecycle import Verb
from ....domain.plans import run_selection
from ....domain.plans.directions import Direction
from ....domain.points import RecoveryPointChoice
from ....domain.prediction.data_sync import DataSync
from ....domain.prediction.predicting import LIKE, Prediction
from ....wire import rest
from ....wire.common.base import Problem
from ....wire.rest import JobAccepted
from ....wire.rest.preflights import ConnectingLine, LineStanding
from ... import plan_runs
from ...steps import hooks
from ...steps.histories import Histories
from ...steps.sides import properties, replica_hosts
from ...store import MachineRecord, PlanRecord, Transaction
from ..parts import Parts
from ..shared import as_read, early_checks, predictions
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out, known
from .plans import existing
from .points import Points
from .preflight import synchronizations
from .settings import connecting

REQUESTS: Mapping[Verb, type[rest.PlanPart]] = {
    Verb.TEST_FAILOVER: rest.PlanTestFailover,
    Verb.CLEANUP_TEST_FAILOVER: rest.PlanCleanupTestFailover,
    Verb.FAILOVER: rest.PlanFailover,
    Verb.PLANNED_FAILOVER: rest.PlanPlannedFailover,
    Verb.CHANGE_RECOVERY_POINT: rest.PlanChangeRecoveryPoint,
    Verb.COMMIT: rest.PlanCommit,
    Verb.CANCEL_FAILOVER: rest.PlanCancelFailover,
    Verb.REPROTECT: rest.PlanReprotect,
}
"""The verbs that a plan can be run for, with the shapes of their requests."""


class PlanRuns:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def start(
        self,
        name: str,
        verb: Verb,
        request: rest.PlanPart,
        requested_by: str,
        seen: Seen | None = None,
        once: Once | None = None,
        read: as_read.Read | None = None,
    ) -> JobAccepted:
        """Start the job of a run. Raises Forbidden, NotFound, ChangedMeanwhile if the plan is of another
        edition than the caller saw, or a machine that the run takes is not as it was `read`, NotPossibleNow
        or InvalidArgument before anything is written. `read` is in the order of the edition that was seen."""
        self._parts.understood(request)
        self._parts.caller.require_verb(verb, getattr(request, "without_site", None))
        _require_edition(name, seen, read)
        if isinstance(request, rest.PlanTestFailover) and not self._is_known(once):
            early_checks.refuse_unknown_network(self._parts, request.network, self._targets(name))
        if isinstance(request, rest.PlanPlannedFailover) and not self._is_known(once):
            self._refuse_what_is_in_the_way(name, request)

        def submit() -> JobAccepted:
            tx.one_at_a_time(plan_runs.LOCK)
            record, info = existing(self._parts, tx, name)
            require(seen, info, f"Plan '{name}'")
            self._name(tx, record, info)
            asked = asked_for(record, verb, request)
            if read is not None:
                _require_as_read(tx, asked, read)
            return plan_runs.submit(self._parts.deps, self._parts.operations[verb], tx, asked, requested_by)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, JobAccepted, submit)

    def _is_known(self, once: Once | None) -> bool:
        with self._parts.store.reading() as tx:
            return known(self._parts, tx, once, JobAccepted) is not None

    def _refuse_what_is_in_the_way(self, name: str, request: rest.PlanPlannedFailover) -> None:
        """Raises NotPossibleNow if a machine would be shut down for a data synchronization that is not
        possible, before any is."""
        if request.data_sync is not DataSync.DURING:
            return
        with self._parts.store.reading() as tx:
            record, _ = existing(self._parts, tx, name)
            asked = asked_for(record, Verb.PLANNED_FAILOVER, request)
            found = plan_runs.unsynchronized(tx, asked, plan_runs.taken(tx, asked))
        synchronizations.refuse_in_the_way(self._parts, f"Plan '{name}'", found, request.target_appliance)

    def _targets(self, name: str) -> Collection[str]:
        """The sites at which the plan's machines would be tested."""
        with self._parts.store.reading() as tx:
            record, _ = existing(self._parts, tx, name)
            return {
                each.target_site for each in tx.machines.several([each.id for each in record.plan.machines])
            }

    def preview(self, name: str, query: rest.PlanPreviewQuery) -> rest.PlanPreview:
        """What a run would take and lose if it were started now; a run that is not possible says why. Raises
        NotFound, and InvalidArgument for a verb that plans are not run for."""
        if query.verb not in REQUESTS:
            raise errors.InvalidArgument(
                f"A plan is not run for {query.verb}.", do=f"Give one of: {', '.join(REQUESTS)}."
            )
        if query.data_sync is not None and query.verb is not Verb.PLANNED_FAILOVER:
            raise errors.InvalidArgument(
                f"A data synchronization is for a planned failover, not for {query.verb}.",
                do="Leave it out, or give '--verb planned-failover'.",
            )
        shown, unsynchronized = self._preview(name, query)
        if query.data_sync is None or not unsynchronized:
            return shown
        found = synchronizations.previews(
            self._parts, unsynchronized, query.data_sync, query.location, query.target_appliance
        )
        return synchronizations.told(shown, found)

    def _preview(
        self, name: str, query: rest.PlanPreviewQuery
    ) -> tuple[rest.PlanPreview, Sequence[MachineRecord]]:
        """The preview, as far as the vault knows by itself; and the machines that have to be synchronized."""
        unsynchronized: Sequence[MachineRecord] = ()
        with self._parts.store.reading() as tx:
            record, _ = existing(self._parts, tx, name)
            part = part_of(query)
            shown = rest.PlanPreview(plan=name, verb=query.verb)
            try:
                asked = asked_for(record, query.verb, part)
                taken = plan_runs.taken(tx, asked)
                unsynchronized = plan_runs.unsynchronized(tx, asked, taken)
                choice, hooked = _choice(query.verb, part), tx.hooks.all()
                shown = rest.PlanPreview(
                    plan=name,
                    verb=query.verb,
                    data_sync=query.data_sync,
                    direction=taken.direction,
                    groups=tuple(
                        self._group(tx, query.verb, choice, hooked, taken.direction, each)
                        for each in taken.groups
                    ),
                    shut_down=plan_runs.shut_down_order(asked, taken),
                    warnings=(
                        *plan_runs.warnings(tx, query.verb, taken, asked.options),
                        *plan_runs.memory_warnings(tx, query.verb, taken),
                    ),
                    left_out=taken.left_out,
                )
                if query.data_sync is not DataSync.DURING:  # nobody knows how long all of it takes
                    shown = with_times(tx, shown, record.plan.rto_goal_seconds)
                plan_runs.require(tx, asked, taken)
            except errors.SecondsiteError as error:
                return shown.model_copy(update={"problem": Problem.of(error)}), unsynchronized
            return shown, unsynchronized

    def _name(self, tx: Transaction, record: PlanRecord, info: rest.Plan) -> None:
        """Name the machines in the act: a second person approves these machines in this order."""
        self._parts.names_edition(f"plan/{record.name}/{info.edition()}")
        for machine in tx.machines.several([each.id for each in record.plan.machines]):
            self._parts.names(machine)

    def _group(
        self,
        tx: Transaction,
        verb: Verb,
        choice: RecoveryPointChoice | None,
        known: hooks.Known,
        direction: Direction,
        group: run_selection.SelectedGroup,
    ) -> rest.PlanPreviewGroup:
        records = {
            each.id: plan_runs.as_it_goes(tx, each, direction)
            for each in tx.machines.several([each.id for each in group.machines])
        }
        machines = (records[each.id] for each in group.machines)
        starts = verb in (Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER)
        lines = connecting.of_machines(self._parts, tx, [*records.values()]) if starts else {}
        return rest.PlanPreviewGroup(
            number=group.number,
            machines=tuple(
                each.model_copy(
                    update={
                        "hooks": hooks.names(tx, records[each.id], verb, known),
                        "connecting": tuple(map(_standing, lines.get(each.id, ()))),
                    }
                )
                for each in self._machines(tx, choice, machines)
            ),
            before=tuple(each.name for each in group.before),
            after=tuple(each.name for each in group.after),
            scripts=tuple(each.name for each in (*group.before, *group.after) if each.script),
        )

    def _machines(
        self,
        tx: Transaction,
        choice: RecoveryPointChoice | None,
        records: Iterable[MachineRecord],
    ) -> Iterable[rest.PlanPreviewMachine]:
        points, records = Points(self._parts), tuple(records)
        there = replica_hosts.previewed(self._parts.gateway, tx, records)
        for record in records:
            shown = rest.PlanPreviewMachine(
                id=record.id, name=record.name, from_site=record.source_site, to_site=record.target_site,
                second_site=properties.set_for(tx, record), host=there[record.id].host,
                other_hosts=there[record.id].others,
            )  # fmt: skip
            if choice is None:
                yield shown
                continue
            found = points.previewed(tx, record, choice)
            yield shown.model_copy(
                update={
                    "point": found.point, "loses_seconds": found.loses_seconds, "problem": found.problem,
                }
            )  # fmt: skip


def _require_edition(name: str, seen: Seen | None, read: as_read.Read | None) -> None:
    """Numbers are in the order of an edition: of another one they would be of other machines."""
    if read is not None and seen is None:
        raise errors.InvalidArgument(
            f"As-Read of plan '{name}' comes without If-Match: of which machines it is is not known.",
            do="Send the plan's ETag as If-Match with it.",
        )


def _require_as_read(tx: Transaction, asked: plan_runs.PlanRunRequest, read: as_read.Read) -> None:
    """What the run does not take may be as it is: in a large plan others work on what one leaves out."""
    numbers = as_read.by_machine([each.id for each in asked.plan.machines], read)
    going = [each.id for group in plan_runs.taken(tx, asked).groups for each in group.machines]
    found = tx.machines.several(going)
    as_read.require(tx, asked.wanted.verb, [(each, numbers[each.id]) for each in found])


def _standing(line: ConnectingLine) -> LineStanding:
    return LineStanding(line=line.line, standing=line.standing, at=line.at, by=line.by)


def asked_for(record: PlanRecord, verb: Verb, part: rest.PlanPart) -> plan_runs.PlanRunRequest:
    """The request for a run of this part of the plan, with the verb's options."""
    wanted = run_selection.RunRequest(verb, part.direction, frozenset(part.groups), frozenset(part.leave_out))
    options: dict[str, object] = {key: value for key, value in part if key not in rest.PlanPart.model_fields}
    return plan_runs.PlanRunRequest(record.plan, wanted, options)


def _choice(verb: Verb, part: rest.PlanPart) -> RecoveryPointChoice | None:
    """The choice of existing points; None for a verb that starts from none, or from the machines' last
    state."""
    choice: RecoveryPointChoice | None = getattr(part, "choice", None)
    moves = verb is Verb.PLANNED_FAILOVER and choice is RecoveryPointChoice.LATEST
    return None if moves else choice


def part_of(query: rest.PlanPreviewQuery) -> rest.PlanPart:
    """The request that the query stands for: what it leaves out has the verb's defaults."""
    return REQUESTS[query.verb].model_validate(query.model_dump(exclude_none=True, exclude={"verb"}))


# A preview of a plan's run with the predicted times of its machines: their histories are read at once.


def with_times(tx: Transaction, shown: rest.PlanPreview, goal_seconds: int) -> rest.PlanPreview:
    """The preview with times; unchanged for a verb that is not predicted. `goal_seconds`: the plan's goal, 0
    for none."""
    if shown.verb not in LIKE:
        return shown
    ids = [machine.id for group in shown.groups for machine in group.machines]
    goes = shown.direction or Direction.AWAY
    records = [plan_runs.as_it_goes(tx, each, goes) for each in tx.machines.several(ids)]
    histories = Histories.read(tx, records, LIKE[shown.verb])
    delays = {
        each.id: each.second_site.start_delay_seconds or 0
        for group in shown.groups
        for each in group.machines
    }
    found = {each.id: histories.predict(shown.verb, each).later(delays[each.id]) for each in records}
    actions = [(each, group) for group in shown.groups for each in (*group.before, *group.after)]
    scripts = sum(each in group.scripts for each, group in actions)
    times = [[found[each.id] for each in group.machines] for group in shown.groups]
    return shown.model_copy(
        update={
            "groups": tuple(_groups(shown, found)),
            "predicted": predictions.of_plan(times, len(actions) - scripts, scripts).model_copy(
                update={"goal_seconds": goal_seconds or None}
            ),
        }
    )


def _groups(shown: rest.PlanPreview, found: Mapping[str, Prediction]) -> Iterator[rest.PlanPreviewGroup]:
    for group in shown.groups:
        machines = tuple(_machine(each, found[each.id]) for each in group.machines)
        yield group.model_copy(update={"machines": machines})


def _machine(shown: rest.PlanPreviewMachine, found: Prediction) -> rest.PlanPreviewMachine:
    times = {
        "predicted_seconds": predictions.rounded(found.seconds),
        "predicted_downtime_seconds": predictions.rounded(found.downtime),
    }
    return shown.model_copy(update=times)
