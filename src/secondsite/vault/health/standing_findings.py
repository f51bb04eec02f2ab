"""Standing findings, which stay until somebody acts: nothing is broken, but the machine is not as safe as its
owner may think. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ...domain.amounts import span
from ...domain.drills.verdicts import Verdict
from ...domain.health import LEFT, HealthFinding
from ...domain.lifecycle import DrillState, State
from ...domain.policies import ReplicationPolicy
from ..store import DriftRecord, DrillRecord, MachineRecord, ProvenRecord

NOT_PROTECTED = frozenset({State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED})
"""States in which the machine runs at its target and is not protected."""
NEW = timedelta(days=7)
"""How long a machine may be under protection before it should be tried whether it starts at the other
site."""
DRILL_COUNTS = timedelta(days=90)
"""How long a test failover counts, unless the vault's settings say otherwise."""
DRILL_WAITS = timedelta(days=1)
"""How long a test machine may be left running."""
LEFT_OPEN = frozenset({DrillState.RUNNING, DrillState.CLEANUP_FAILED})


class Stands(NamedTuple):
    """A finding, and from when on it is reported."""

    told_at: datetime
    code: str
    what: str


def standing(
    machine: MachineRecord,
    now: datetime,
    drill_counts: timedelta = DRILL_COUNTS,
    policy: ReplicationPolicy | None = None,
) -> Iterator[HealthFinding]:
    """The standing findings of the machine at `now` (S-014, S-139). A test failover counts for
    `drill_counts`; the policy may have a goal for the recovery time."""
    for told_at, code, what in _all(machine, drill_counts, policy):
        if now > told_at:
            yield HealthFinding(code, what, told_at)


def standing_from(
    machine: MachineRecord,
    drill_counts: timedelta = DRILL_COUNTS,
    policy: ReplicationPolicy | None = None,
) -> tuple[datetime, ...]:
    """When each of them appears, unless something changes before."""
    return tuple(each.told_at for each in _all(machine, drill_counts, policy))


def _all(
    machine: MachineRecord, drill_counts: timedelta, policy: ReplicationPolicy | None
) -> Iterator[Stands]:
    yield from _slow(machine, policy)
    if machine.drill_failed_at is not None:
        yield Stands(machine.drill_failed_at, "drill-failed", _failed(machine, machine.drill_failed_at))
    yield from _booted(machine)
    if machine.drift is not None and machine.proven_as is not None:
        yield Stands(machine.drift.since, "drifted", _drifted(machine, machine.proven_as, machine.drift))
    if machine.drill is not None and machine.drill_state in LEFT_OPEN:
        yield Stands(machine.drill.started_at + DRILL_WAITS, "drill-waits", _waits(machine, machine.drill))
    for site, left in machine.left.items():
        yield Stands(left.at, LEFT, _left(machine, site))
    if machine.state in NOT_PROTECTED and machine.failed_over_at is not None:
        yield Stands(machine.failed_over_at, "not-protected", not_protected(machine))
    if machine.state is State.PROTECTED and machine.drill_state is DrillState.NONE:
        yield _drilled(machine, drill_counts)


def _slow(machine: MachineRecord, policy: ReplicationPolicy | None) -> Iterator[Stands]:
    """A recovery that took too long, until a later one meets the goal, or the goal changes."""
    took, goal = machine.recovered, policy.rto_goal_seconds if policy else 0
    if took is not None and policy is not None and 0 < goal < took.seconds:
        what = (
            f"The last {took.verb.replace('_', ' ')} of machine '{machine.name}' took {span(took.seconds)} "
            f"on {_day(took.at)} until it ran; "
            f"the goal of policy '{policy.name}' is {span(goal)}."
        )
        yield Stands(took.at, "rto-missed", what)


def _booted(machine: MachineRecord) -> Iterator[Stands]:
    """A booted copy that was not usable, until a later copy, or a drill that did not fail, shows
    otherwise."""
    booted = machine.booted
    if booted is None or booted.looked_at is None or booted.verdict is not Verdict.FAILED:
        return
    drilled_at = machine.drilled_at if machine.drill_failed_at is None else None
    if drilled_at is None or drilled_at <= booted.looked_at:
        what = (
            f"A copy of machine '{machine.name}' that was booted from point {booted.point_id} on "
            f"{_day(booted.looked_at)} was not usable: {booted.said}."
        )
        if booted.usable_point is not None:
            what += f" One of the older point {booted.usable_point} was."
        yield Stands(booted.looked_at, "boot-failed", what)


def _drifted(machine: MachineRecord, proven: ProvenRecord, drift: DriftRecord) -> str:
    return (
        f"Since the last test failover of machine '{machine.name}' that passed, on {_day(proven.at)}: "
        f"{'; '.join(drift.changes)}."
    )


def _drilled(machine: MachineRecord, counts: timedelta) -> Stands:
    if machine.drilled_at is None:
        never = f"No test failover of machine '{machine.name}' was ever completed."
        return Stands(machine.created_at + NEW, "never-drilled", never)
    what = (
        f"The last test failover of machine '{machine.name}' ended on {_day(machine.drilled_at)}, more than "
        f"{counts.days} days ago."
    )
    return Stands(machine.drilled_at + counts, "drill-is-old", what)


def _failed(machine: MachineRecord, at: datetime) -> str:
    return (
        f"The test failover of machine '{machine.name}' that ended on {_day(at)} failed, and none has passed "
        "since."
    )


def _left(machine: MachineRecord, site: str) -> str:
    return (
        f"Machine '{machine.name}' left its disks at site {site}, and is between {machine.source_site} and "
        f"{machine.target_site} now."
    )


def _waits(machine: MachineRecord, drill: DrillRecord) -> str:
    since = f"{drill.started_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"The test failover of machine '{machine.name}' has been waiting since {since} to be completed: "
        f"{drill.machine_name} runs at site {machine.target_site}."
    )


def not_protected(machine: MachineRecord) -> str:
    waits = "reprotect" if machine.state is State.COMMITTED else "commit, and then reprotect"
    return (
        f"Machine '{machine.name}' was failed over to site {machine.target_site}, and nothing is replicated "
        f"from there: it waits for {waits}."
    )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
