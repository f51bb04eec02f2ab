"""A machine that has waited for its turn to start, for days maybe, is still off at its source.

The fence keeps it off where the platform has a veto; elsewhere a host that booted, or an owner's hand, starts it.
"""

from ....domain import errors
from ....jobs.model.failures import StepFailed
from ....wire.common.machines import PowerState
from ..sides.source import ASKED_IN_PASSING, Source

SOURCE_RUNS = "source-runs"
OFF = frozenset({PowerState.OFF, PowerState.MISSING})


def require_still_off(source: Source) -> None:
    """Raises StepFailed if it is not. One that cannot be asked was off when all that it had written had arrived: to wait for its site
    would keep the machine off at both."""
    machine = source.machine
    try:
        power = source.power(ASKED_IN_PASSING).facts.power
    except (errors.ApplianceUnreachable, errors.DeadlineExceeded):
        return
    if power not in OFF:
        raise StepFailed(
            SOURCE_RUNS,
            f"{machine.name} is {power} at {machine.source_site}: somebody started it while it waited for its turn.",
            "It stays there. Find out who needs it; then run the plan again: it takes what has not arrived.",
        )
