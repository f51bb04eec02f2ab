"""Runs checks of the failed-over machine once more, while it runs. Nothing is changed in its guest, and no
recovery point is graded: hours after a start, what fails says nothing about the point."""

import time

from ....domain import errors, shell
from ....fabrics.interface import PowerState
from ....wire.control.proofs import Prove, RepeatChecks, RepeatedChecks
from .. import runs
from ..context import Context
from . import checking
from .proving import LOOK_AGAIN_SECONDS

MOST_SECONDS = 30.0
"""The longest that a check is tried: what serves answers at once."""
KEPT_SECONDS = 5.0
"""Seconds of the order's time that are kept for the report."""


def repeat_checks(context: Context, payload: RepeatChecks) -> tuple[str, RepeatedChecks]:
    """Try each check until it passes, for MOST_SECONDS at most; give their results. Raises NotFound for a
    machine that was not failed over to here."""
    _require_failed_over(context, payload)
    asked = Prove(fabric_id=payload.fabric_id, name=payload.name, wait_seconds=0.0, checks=payload.checks)
    most_seconds = max(0.0, min(MOST_SECONDS, context.left_seconds() - KEPT_SECONDS))
    with checking.Checks(context.fabric, asked, most_seconds) as checks:
        power = _look(context, payload, checks)
        while power is PowerState.RUNNING and checks.pending:
            time.sleep(LOOK_AGAIN_SECONDS)
            power = _look(context, payload, checks)
        checks.give_up(f"the machine is {power}")
        verdicts = checks.verdicts
    return f"{payload.name}: {checking.said(verdicts)}", RepeatedChecks(power=str(power), verdicts=verdicts)


def _require_failed_over(context: Context, payload: RepeatChecks) -> None:
    """A drill's machine has checks of its own, and a machine at home has none that count here."""
    run = runs.machine_of(context, runs.FAILOVER)
    if run is None or not run.made or run.fabric_id != payload.fabric_id:
        raise errors.NotFound(
            f"{payload.name} was not failed over to here, so none of its checks was repeated.",
            do=f"See where it runs: 'secondsite machine show {shell.arguments(payload.name)}'.",
        )


def _look(context: Context, payload: RepeatChecks, checks: checking.Checks) -> PowerState:
    """Look once at the machine, and at the checks that have not passed; gives its power state."""
    power = context.fabric.power.state(payload.fabric_id)
    if power is PowerState.RUNNING:
        checks.look(context.fabric.seeing.agent_answers(payload.fabric_id))
    return power
