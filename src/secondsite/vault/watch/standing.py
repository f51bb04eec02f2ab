"""Findings that stand until somebody acts: nothing is broken, but the machine is not as safe as its owner may think. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ...domain.health import HealthFinding
from ...domain.lifecycle import DrillState, State
from .. import ports

NOT_PROTECTED = frozenset({State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED})
"""It runs at its target, and rests there."""
IN_NEED = timedelta(hours=1)
"""Of a failover: so long people have something else to do."""
NEW = timedelta(days=7)
"""So long a machine may be under protection before somebody tries whether it starts at the other site."""
DRILL_COUNTS = timedelta(days=90)


def standing(machine: ports.MachineRecord, now: datetime) -> Iterator[HealthFinding]:
    """Those of the machine at `now` (S-014, S-139)."""
    told_at = standing_from(machine)
    if told_at is not None and now > told_at:
        yield HealthFinding(*_fact(machine), told_at)


def standing_from(machine: ports.MachineRecord) -> datetime | None:
    """From when on one is told, unless something changes before. None: that is not to be expected."""
    if machine.state in NOT_PROTECTED:
        return machine.failed_over_at and machine.failed_over_at + IN_NEED
    if machine.state is not State.PROTECTED or machine.drill_state is not DrillState.NONE:
        return None
    return machine.created_at + NEW if machine.drilled_at is None else machine.drilled_at + DRILL_COUNTS


def _fact(machine: ports.MachineRecord) -> tuple[str, str]:
    """Its code, and what it says."""
    if machine.state in NOT_PROTECTED:
        return (
            "not-protected",
            f"Machine '{machine.name}' runs at site {machine.target_site} since its failover, and nothing is replicated from there.",
        )
    if machine.drilled_at is None:
        return "never-drilled", f"No test failover of machine '{machine.name}' was ever brought to its end."
    return (
        "drill-is-old",
        f"The last test failover of machine '{machine.name}' ended on {machine.drilled_at:%Y-%m-%d}, more than {DRILL_COUNTS.days} days ago.",
    )
