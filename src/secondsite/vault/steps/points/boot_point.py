"""A job that boots a recovery point to see whether it boots. It is not a verb of the lifecycle: machine and
drills stay as they are.

The copy lives inside one order: the target's appliance starts it, looks at it and removes it, whatever
becomes of this job. Copies at a site take turns within the site's limits for verification, in the order in
which they were asked for.

If it is not usable, older points are booted as well, up to the number that was asked for, each twice as far
back as the one before: a guest that was spoilt weeks ago is found in few copies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from ....domain import errors, lifecycle, points, shell, verification_budget
from ....domain.drills.networks import NO_NETWORK
from ....domain.drills.verdicts import Verdict
from ....domain.lifecycle import DrillState, State, Verb
from ....domain.verification_budget import VerificationBudget
from ....ground.job_states import MOVING
from ....ground.units import DAY
from ....jobs.model.context import StepContext, StepFunction
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.facts import Json
from ....jobs.model.failures import Refused
from ....jobs.model.outcomes import Commit, Done, Outcome, Skipped, Wait
from ....jobs.model.views import JobView
from ....jobs.storage import search
from ....jobs.storage.database import Session
from ....wire.common.base import Shape
from ....wire.common.evidence import Evidence
from ....wire.common.machine_checks import NETWORKED, MachineCheck
from ....wire.control import orders
from ....wire.control.proofs import BootPoint, Proof
from ...store import BootedRecord, MachineRecord, PictureRecord, Transaction
from ..deps import Deps
from ..drills import automatic_cleanup
from ..retry_store import retrying
from ..sides import properties
from ..sides.orders import Answer, Limits, Orders
from ..sides.proving import picture_of
from ..sides.target import boot_fabric_id, boot_name

BOOT = "boot_point"
WAIT_SECONDS = 180.0
"""How long a guest that nobody looks at may take to show that it runs."""
START_AND_REMOVE_SECONDS = 300.0
LOOKS_SECONDS = 5.0
IN_NEED = frozenset(
    {
        State.FAILING_OVER,
        State.PLANNED_FAILING_OVER,
        State.CHANGING_RECOVERY_POINT,
        State.PLANNED_CHANGING_RECOVERY_POINT,
        State.CANCELLING,
    }
)
"""States in which people wait for the machine: copies are not booted meanwhile."""
MOST_COUNTED = 100
"""How many of the jobs before it in line are counted: more than may run at once."""


class Options(Shape):
    """What the steps of a job depend on. `or_older`: how many older points may be booted as well."""

    or_older: int = 0


class BootArguments(Options):
    """The appliance that has the point, the point, and what the copy takes of the site's limits.
    `generation`: the machine's when the job was submitted; an appliance that has seen a later verb starts
    nothing. `arrived`: the point's place in the order of arrival, by which older ones are older also once it
    was thinned out; a job of an older vault has none."""

    appliance_id: str
    site: str
    point: str
    memory_bytes: int
    generation: int
    network: str = NO_NETWORK
    arrived: tuple[int, int] | None = None


class LookedAt(Shape):
    """What was seen of a copy, of which point; without a point: nothing yet."""

    evidence: Evidence | None = None
    looked_at: str | None = None
    usable: bool = False
    arrived: tuple[int, int] | None = None


def submit(
    deps: Deps,
    tx: Transaction,
    machine: MachineRecord,
    point_id: str,
    by: str,
    network: str | None = None,
    or_older: int = 0,
) -> str:
    """Queue the job in the caller's transaction; gives its id. Raises NotPossibleNow for a machine whose
    points cannot be started from now, or with more memory than the site allows at all."""
    if Verb.TEST_FAILOVER not in lifecycle.allowed_operations(machine.state, DrillState.NONE):
        raise errors.NotPossibleNow(
            f"{machine.name} is {machine.state}: its points are not booted in this state.",
            do="Wait until it is protected again.",
        )
    given = budget_of(tx, machine.target_site)
    memory_bytes = memory_of(tx, machine)
    verification_budget.require_possible(given, machine.target_site, machine.name, memory_bytes)
    arguments = BootArguments(
        appliance_id=machine.target_appliance_id,
        site=machine.target_site,
        point=point_id,
        memory_bytes=memory_bytes,
        generation=machine.generation,
        network=network or given.network,
        or_older=or_older,
        arrived=_arrived(tx, machine.id, point_id) if or_older else None,
    )
    return deps.submit(
        tx.session, BOOT, subject=machine.id, subject_name=machine.name, arguments=arguments, requested_by=by
    )


def _arrived(tx: Transaction, machine_id: str, point_id: str) -> tuple[int, int] | None:
    replica = tx.statuses.get(machine_id).replica
    found = (each for each in (replica.points if replica else ()) if each.id == point_id)
    return next(((each.epoch, each.seq) for each in found), None)


def budget_of(tx: Transaction, site: str) -> VerificationBudget:
    found = tx.sites.find(site)
    return verification_budget.UNSET if found is None else found.verification


def memory_of(tx: Transaction, machine: MachineRecord) -> int:
    """The memory of the machine's copy at the target, in bytes."""
    return properties.set_for(tx, machine).memory_bytes or machine.definition.memory_bytes


def in_the_way(tx: Transaction, site: str) -> str | None:
    """A failover or a drill that is being started at the site, as a part of a sentence; None without one."""
    here = {each.id for each in tx.appliances.list(site)}
    moving = (each for each in tx.machines.places_at_work(IN_NEED) if each.state in IN_NEED)
    for each in moving:
        if each.target_appliance_id in here:
            return f"{tx.machines.get(each.id).name} is {each.state}"
    for machine in tx.machines.in_drill({DrillState.STARTING}):
        if machine.target_site == site:
            return f"a test failover of {machine.name} is {machine.drill_state}"
    return None


def at_work(tx: Transaction, site: str) -> Iterator[tuple[str, int]]:
    """Jobs of copies at the site that have not ended, and the memory of each, in the order in which they were
    submitted."""
    for each in search.oldest_first(tx.session, search.JobQuery(states=MOVING, verb=BOOT)):
        wanted = BootArguments.model_validate(each.arguments)
        if wanted.site == site:
            yield each.id, wanted.memory_bytes


def _before(tx: Transaction, job_id: str, site: str) -> Iterator[int]:
    for each, memory_bytes in at_work(tx, site):
        if each == job_id:
            return
        yield memory_bytes


class BootsPoint:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._give = Orders(deps)

    def turn(self, ctx: StepContext) -> Outcome:
        """Wait for the copy's turn, for a day at most."""
        wanted = ctx.arguments(BootArguments)
        with self._deps.store.reading() as tx:
            given = budget_of(tx, wanted.site)
            others = list(islice(_before(tx, ctx.job_id, wanted.site), MOST_COUNTED + 1))
            why = in_the_way(tx, wanted.site)
        verification_budget.require_possible(given, wanted.site, ctx.subject_name, wanted.memory_bytes)
        if why is None and not verification_budget.has_room(given, others, wanted.memory_bytes):
            before = f"more than {MOST_COUNTED}" if len(others) > MOST_COUNTED else str(len(others))
            why = f"{before} before it at {wanted.site}"
        _wait_if(ctx, why)
        return Done(f"{wanted.site} has room for it")

    def boot(self, ctx: StepContext) -> Outcome:
        """Boot the copy. If the machine is not usable the job ends as partially succeeded. A copy that could
        not be looked at is noted, too."""
        wanted = ctx.arguments(BootArguments)
        try:
            answer = self._ask(ctx, wanted, wanted.point)
        except errors.SecondsiteError as problem:
            self._note(ctx, wanted, problem.message)
            raise
        proof = answer.facts
        verdict, png = automatic_cleanup.verdict_of(proof.evidence), picture_of(proof)

        def keep(tx: Transaction) -> None:
            if png is not None:
                tx.pictures.put(PictureRecord(ctx.job_id, ctx.now(), png))
            machine = tx.machines.by_id(str(ctx.subject))
            if machine is not None:
                booted = BootedRecord(wanted.point, ctx.job_id, answer.sentence, verdict, looked_at=ctx.now())
                tx.machines.put(replace(machine, booted=booted))

        usable = verdict is not Verdict.FAILED
        seen = LookedAt(
            evidence=proof.evidence, looked_at=wanted.point, usable=usable, arrived=wanted.arrived
        )
        return Done(answer.sentence, seen, self._deps.commit(keep), partial=verdict is Verdict.FAILED)

    def boot_older(self, ctx: StepContext, number: int) -> Outcome:
        """Boot a copy of an older point, unless one that was tried before is usable. What is known of the
        machine's newest copy stays: that an older one is usable mends nothing."""
        wanted = ctx.arguments(BootArguments)
        *_, before = (
            seen for each in range(number) if (seen := ctx.facts(_key_of(each), LookedAt)).looked_at
        )
        if before.usable:
            return Skipped(f"point {before.looked_at} is usable")
        with self._deps.store.reading() as tx:
            _wait_if(ctx, in_the_way(tx, wanted.site))
            replica = tx.statuses.get(str(ctx.subject)).replica
            arrived = before.arrived or _arrived(tx, str(ctx.subject), str(before.looked_at))
        chosen = ctx.remembered(LookedAt)
        if chosen is None:
            known = replica.points if replica else ()
            found = points.older(known, arrived or (0, 0), 2 ** (number - 1))
            if found is None:
                return Skipped(f"no older point of {ctx.subject_name} is left")
            chosen = LookedAt(looked_at=found.id, arrived=(found.epoch, found.seq))
            ctx.remember(chosen)
        answer = self._ask(ctx, wanted, str(chosen.looked_at))
        usable = automatic_cleanup.verdict_of(answer.facts.evidence) is not Verdict.FAILED
        seen = chosen.model_copy(update={"evidence": answer.facts.evidence, "usable": usable})
        return Done(answer.sentence, seen, self._usable(ctx, str(chosen.looked_at)) if usable else None)

    def _usable(self, ctx: StepContext, point: str) -> Commit:
        """Notes beside what is known of the copy that was not usable which older point is."""

        def note(tx: Transaction) -> None:
            machine = tx.machines.by_id(str(ctx.subject))
            if machine is not None and machine.booted is not None and machine.booted.job_id == ctx.job_id:
                tx.machines.put(replace(machine, booted=replace(machine.booted, usable_point=point)))

        return self._deps.commit(note)

    def _ask(self, ctx: StepContext, wanted: BootArguments, point: str) -> Answer[Proof]:
        with self._deps.store.reading() as tx:
            machine = tx.machines.get(str(ctx.subject))
            checks = tuple(tx.checks.find(machine.id))
            here = properties.set_for(tx, machine)
        asked, left_out = _askable(checks, wanted.network)
        longest = max([WAIT_SECONDS, *(check.deadline_seconds for check in asked)])
        payload = BootPoint(
            point_id=point,
            fabric_id=boot_fabric_id(machine),
            name=boot_name(machine),
            network=NO_NETWORK if wanted.network == NO_NETWORK else f"ss-boot-{machine.id[:7].lower()}",
            sizing=here.sizing,
            stand_in=here.stand_in,
            wait_seconds=WAIT_SECONDS,
            checks=asked,
            left_out=left_out,
        )
        return self._give.give(
            ctx,
            wanted.appliance_id,
            orders.BOOT_POINT,
            payload,
            machine_id=machine.id,
            generation=wanted.generation,
            limits=Limits(deadline_seconds=longest + START_AND_REMOVE_SECONDS),
            why=f"booting point {point} of {machine.name}",
        )

    def _note(self, ctx: StepContext, wanted: BootArguments, said: str) -> None:
        """Note that the copy could not be looked at; the result of the last one that could stays."""
        with self._deps.store.transaction() as tx:
            machine = tx.machines.by_id(str(ctx.subject))
            if machine is not None:
                known = machine.booted or BootedRecord(wanted.point, ctx.job_id, said)
                tx.machines.put(replace(machine, booted=replace(known, tried_at=ctx.now())))


def _askable(
    checks: Sequence[MachineCheck], network: str
) -> tuple[tuple[MachineCheck, ...], tuple[str, ...]]:
    """The checks that a copy without a network can answer, and the names of the others."""
    if network != NO_NETWORK:
        return tuple(checks), ()
    asked = tuple(each for each in checks if each.kind not in NETWORKED)
    return asked, tuple(each.name for each in checks if each.kind in NETWORKED)


def _wait_if(ctx: StepContext, why: str | None) -> None:
    if why is not None:
        raise Wait(f"boot/{ctx.job_id}", DAY, f"waits: {why}", poll_seconds=LOOKS_SECONDS)


def _key_of(number: int) -> str:
    """The key of the step that boots the point asked for (0), or the older one of that number."""
    return f"boot_older_{number}" if number else "boot"


def definition(deps: Deps) -> Definition:
    boots = BootsPoint(deps)

    def steps_of(arguments: Json) -> Sequence[Step]:
        numbers = range(1, 1 + Options.model_validate(arguments).or_older)
        steps = (
            Step("turn", boots.turn, title="Wait for its turn"),
            Step(_key_of(0), boots.boot, title="Boot recovery point"),
            *(Step(_key_of(each), _older(boots, each), title="Boot an older point") for each in numbers),
        )
        return tuple(map(retrying, steps))

    return Definition(BOOT, steps_of=steps_of, on_retry=_refuse_retry)


def _older(boots: BootsPoint, number: int) -> StepFunction:
    return lambda ctx: boots.boot_older(ctx, number)


def _refuse_retry(_session: Session, job: JobView) -> None:
    """A repeated boot would begin before those that wait for their turn, beside whatever runs now."""
    booted = BootArguments.model_validate(job.arguments).point
    raise Refused(
        "superseded",
        f"A boot of a point of {job.subject_name} is not repeated: it would pass those that wait.",
        "Ask for it again: 'secondsite point verify "
        f"{shell.arguments(str(job.subject_name), booted, options='--boot')}'.",
    )
