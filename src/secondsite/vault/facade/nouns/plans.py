"""Recovery plans: created, changed, shown and deleted."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ....domain import errors, shell
from ....domain.lifecycle import UNCOMMITTED, Verb
from ....domain.plans import held_checks
from ....domain.plans import plan as plans
from ....domain.plans.actions import Action, require_readable
from ....domain.plans.run_selection import listed
from ....wire import rest
from ....wire.rest.plans import PlanHeldChecks
from ... import plan_runs
from ...steps.authority import SHORT
from ...store import HeldChecksRecord, MachineRecord, PlanRecord, Transaction
from ..parts import Parts
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out
from . import machines

Former = Mapping[str, plans.PlanMachine]
"""The machines that the plan has already, by their ids and by their former names."""
Present = Mapping[str, MachineRecord]


class Plans:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[rest.Plan]:
        """The plans whose machines are all in the caller's scope."""
        with self._parts.store.reading() as tx:
            records = tx.plans.list()
            present = _present(tx, records)
            held = {each.plan: each for each in tx.held_checks.list()}
            seen = (each for each in records if _sees(self._parts, each, present))
            return [_info(each, present, held.get(each.name)) for each in seen]

    def show(self, name: str) -> rest.Plan:
        """One plan. Raises NotFound, also for one that reaches beyond the caller's scope."""
        with self._parts.store.reading() as tx:
            return existing(self._parts, tx, name)[1]

    def create(self, request: rest.PlanCreate, once: Once | None = None) -> rest.Plan:
        """Create a plan. Raises AlreadyExists, NotFound for a machine that is not protected, InvalidArgument
        for a plan that is not possible."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Plan, lambda: self._create(tx, request))

    def update(self, name: str, request: rest.PlanChange, seen: Seen | None = None) -> rest.Plan:
        """Replace the groups of a plan; its machines stay as they are. Raises as `create`, or
        ChangedMeanwhile."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            record, before = self._editable(tx, name, seen)
            former = {key: each for each in record.plan.machines for key in (each.name, each.id)}
            info = self._put(tx, name, request, former, record)
            self._parts.note(before, info)
            return info

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a plan; its machines stay protected. Raises NotFound, ChangedMeanwhile."""
        with self._parts.changing() as tx:
            _, before = self._editable(tx, name, seen)
            self._parts.note(before=before)
            tx.plans.remove(name)
            tx.held_checks.remove(name)

    def keep_open(self, name: str) -> rest.Plan:
        """Leave the plan's last failover uncommitted, until a person commits it. Raises NotFound, and
        NotPossibleNow for a plan that does not commit by itself, or whose commit has begun."""
        with self._parts.changing() as tx:
            tx.one_at_a_time(plan_runs.LOCK)
            record, before = existing(self._parts, tx, name)
            run = plan_runs.last_failover(tx, record)
            if run is None or not record.plan.commit_after_held_seconds:
                raise _commits_not_itself(name)
            known = tx.held_checks.find(name)
            known = known if known is not None and known.run_id == run.id else HeldChecksRecord(name, run.id)
            if known.job_id is not None:
                raise _has_begun(name, known.job_id)
            members = tx.machines.several([each.id for each in record.plan.machines])
            if not any(each.state in UNCOMMITTED for each in members):
                raise _commits_not_itself(name)
            if known.kept_open_by is None:
                by, now = self._parts.caller.name, self._parts.now()
                known = replace(known, held=None, kept_open_by=by, kept_open_at=now)
            tx.held_checks.put(known)
            after = existing(self._parts, tx, name)[1]
            self._parts.note(before, after)
            return after

    def _create(self, tx: Transaction, request: rest.PlanCreate) -> rest.Plan:
        tx.one_at_a_time("plans")
        if tx.plans.find(request.name):
            raise errors.AlreadyExists(
                f"There is a plan '{request.name}' already.",
                do=(
                    f"Choose another name, or change it: 'secondsite plan set {shlex.quote(request.name)} "
                    "--help'."
                ),
            )
        former = plan_runs.failover_of(tx, request.name)
        if former is not None:  # its clock may have been ahead
            by, now = "whoever made this plan anew", self._parts.now()
            tx.held_checks.put(HeldChecksRecord(request.name, former.id, kept_open_by=by, kept_open_at=now))
        info = self._put(tx, request.name, request, {}, None)
        self._parts.note(after=info)
        return info

    def _put(
        self,
        tx: Transaction,
        name: str,
        request: rest.PlanChange,
        former: Former,
        record: PlanRecord | None,
    ) -> rest.Plan:
        groups = tuple(self._group(tx, each, former) for each in request.groups)
        held_seconds, now = request.commit_after_held_seconds, self._parts.now()
        plan = plans.RecoveryPlan(
            name, groups, request.rto_goal_seconds, held_seconds,
            commit_set_by=self._parts.caller.token_id or None if held_seconds else None,
        )  # fmt: skip
        plans.check(plan, self._parts.plan_limits)
        if held_seconds:
            self._require_committable(tx, plan)
        made = PlanRecord(name, plan, record.created_at if record else now, now)
        tx.plans.put(made)
        return _info(made, _present(tx, [made]), tx.held_checks.find(name))

    def _require_committable(self, tx: Transaction, plan: plans.RecoveryPlan) -> None:
        """Raises Forbidden, or NotPossibleNow, for a plan that could never commit by itself."""
        self._parts.caller.require_verb(Verb.COMMIT, None)
        if tx.approvals.rules().guard((Verb.COMMIT.value,)):
            raise errors.NotPossibleNow(
                f"Plan '{plan.name}' cannot commit by itself: a commit waits for a second person here.",
                do="Leave '--commit-after' out, or give 0.",
            )
        bare = [each.name for each in plan.machines if not plan_runs.repeatable(tx, each.id)]
        if bare:
            raise errors.NotPossibleNow(
                f"Plan '{plan.name}' cannot commit by itself: these have no check that can be repeated: "
                f"{listed(bare, ', ')}. A text on the console is only of the start.",
                do="Give each one: 'secondsite check set MACHINE NAME --kind agent'; or give "
                "'--commit-after 0'.",
            )

    def _group(self, tx: Transaction, request: rest.PlanGroupChange, former: Former) -> plans.PlanGroup:
        members = tuple(self._machine(tx, each, former) for each in request.machines)
        return plans.PlanGroup(
            members, self._actions(tx, request.before, former), self._actions(tx, request.after, former)
        )

    def _actions(
        self, tx: Transaction, asked: Iterable[rest.PlanAction], former: Former
    ) -> tuple[Action, ...]:
        actions = tuple(asked)
        for each in actions:
            require_readable(each.name)
        return tuple(
            Action(
                each.name, each.instruction, each.kinds, each.directions, each.script, each.timeout_seconds,
                self._machine(tx, each.guest, former).id if each.guest is not None else None,
            )
            for each in actions
        )  # fmt: skip

    def _machine(self, tx: Transaction, name_or_id: str, former: Former) -> plans.PlanMachine:
        """A machine of the plan. One that was in it before may stay although its protection ended."""
        try:
            found = machines.existing(self._parts, tx, name_or_id)
        except errors.NotFound:
            if name_or_id not in former:
                raise
            return former[name_or_id]
        return plans.PlanMachine(found.id, found.name, found.source_site, found.target_site)

    def _editable(self, tx: Transaction, name: str, seen: Seen | None) -> tuple[PlanRecord, rest.Plan]:
        tx.one_at_a_time("plans")
        record, info = existing(self._parts, tx, name)
        require(seen, info, f"Plan '{name}'")
        return record, info


def existing(parts: Parts, tx: Transaction, name: str) -> tuple[PlanRecord, rest.Plan]:
    """The plan. Raises NotFound, also for one that reaches beyond the caller's scope."""
    record = tx.plans.find(name)
    if record is not None:
        present = _present(tx, [record])
        if _sees(parts, record, present):
            return record, _info(record, present, tx.held_checks.find(name))
    raise errors.NotFound.named("plan", name)


def _commits_not_itself(name: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"Plan '{name}' does not commit by itself, or was not failed over: there is nothing to keep open.",
        do=f"See 'secondsite plan show {shell.arguments(name)}'.",
    )


def _has_begun(name: str, job_id: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"Plan '{name}' was committed by itself already, by job {job_id[:SHORT]}.",
        do=f"Follow it: 'secondsite job follow {job_id[:SHORT]}'.",
    )


def _present(tx: Transaction, records: Iterable[PlanRecord]) -> Present:
    """Those of the plans' machines that are protected now."""
    ids = {each.id for record in records for each in record.plan.machines}
    return {each.id: each for each in tx.machines.several(sorted(ids))}


def _sees(parts: Parts, record: PlanRecord, present: Present) -> bool:
    """Whether all machines are in the caller's scope, by their present sites, or those that they had when
    they were put into the plan."""
    now = (present.get(each.id) or each for each in record.plan.machines)
    return all(parts.sees(each.source_site, each.target_site) for each in now)


def _info(record: PlanRecord, present: Present, known: HeldChecksRecord | None) -> rest.Plan:
    gone = [each.name for each in record.plan.machines if each.id not in present]
    names = _names(record, present)
    return rest.Plan(
        name=record.name,
        groups=tuple(_shown(group, present, names) for group in record.plan.groups),
        rto_goal_seconds=record.plan.rto_goal_seconds,
        commit_after_held_seconds=record.plan.commit_after_held_seconds,
        held_checks=_held(record, present, known),
        created_at=record.created_at,
        changed_at=record.changed_at,
        obstacles=tuple(
            f"{name} is not protected any more: protect it again and put it into the plan, or take it out."
            for name in gone
        ),
    )


def _held(record: PlanRecord, present: Present, known: HeldChecksRecord | None) -> PlanHeldChecks | None:
    wanted = record.plan.commit_after_held_seconds
    if known is None or not wanted or not any(each.failed_over_at for each in present.values()):
        return None
    held = known.held
    return PlanHeldChecks(
        since=None if held is None else held.since,
        commits_not_before=None if held is None or known.is_over else held_checks.not_before(held, wanted),
        problem="" if held is None else held.problem,
        kept_open_by=known.kept_open_by,
        kept_open_at=known.kept_open_at,
        job_id=known.job_id,
    )


def _names(record: PlanRecord, present: Present) -> Mapping[str, str]:
    """The name by which each machine is given in the plan: its own, or its id if another machine has the same
    name."""
    called = {each.id: (present.get(each.id) or each).name for each in record.plan.machines}
    alone = Counter(called.values())
    return {each: name if alone[name] == 1 else each for each, name in called.items()}


def _shown(group: plans.PlanGroup, present: Present, names: Mapping[str, str]) -> rest.PlanGroup:
    return rest.PlanGroup(
        machines=tuple(_machine_shown(each, present.get(each.id)) for each in group.machines),
        before=_actions_shown(group.before, names),
        after=_actions_shown(group.after, names),
    )


def _machine_shown(machine: plans.PlanMachine, record: MachineRecord | None) -> rest.PlanMachine:
    now = record or machine
    return rest.PlanMachine(
        id=machine.id,
        name=now.name,
        source_site=now.source_site,
        target_site=now.target_site,
        state=None if record is None else record.state,
        generation=0 if record is None else record.generation,
        drill_generation=0 if record is None else record.drill_generation,
    )


def _actions_shown(actions: Iterable[Action], names: Mapping[str, str]) -> tuple[rest.PlanAction, ...]:
    return tuple(
        rest.PlanAction(
            name=each.name,
            instruction=each.instruction,
            kinds=each.kinds,
            directions=each.directions,
            script=each.script,
            timeout_seconds=each.timeout_seconds,
            guest=names[each.guest] if each.guest is not None else None,
        )
        for each in actions
    )
