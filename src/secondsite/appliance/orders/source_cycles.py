"""Cycles that the vault asks for: one now, the last one, or several while the machine still runs."""

import time

from ...datapath import errors as datapath_errors
from ...domain import errors
from ...fabrics.interface import PowerState
from ...wire.orders import CycleFact, PreCopy, RunCycle
from ..source import Source
from ..take import Wish
from .context import Context

PAUSE_SECONDS = 0.5
PASSING = {"peer-unreachable", "peer-silent", "inbox-full", "replica-busy", "firmware-missing"}
"""What the other side overcomes by itself, within the order's deadline."""


def run_cycle(context: Context, payload: RunCycle) -> tuple[str, CycleFact]:
    """One delta with a point. The last one of a machine that is off takes all that is left, and pauses the loop."""
    source = context.source()
    with source.hold("a cycle that was asked for", context.left_seconds(), interrupt=payload.final):
        if payload.final:
            _must_be_off(context, source)
        wish = Wish(
            point=True, app_consistent=payload.app_consistent and not payload.final, whole=payload.final,
            pause=payload.final,
        )  # fmt: skip
        fact = _cycle(context, source, wish)
    what = "the last cycle" if payload.final else "a cycle"
    point = f", point {fact.point_id}" if fact.point_id else ""
    sentence = f"sent {what} of {source.setup.machine_name}: {fact.changed_bytes / 1e6:.1f} MB in {fact.seconds:.1f} s{point}"
    return sentence, fact


def _cycle(context: Context, source: Source, wish: Wish) -> CycleFact:
    """One cycle; tried again while the other side is away, for it may be restarting."""
    while True:
        try:
            return context.parts.replication.cycle(source, wish, context.progress)
        except datapath_errors.DatapathError as problem:
            if problem.code not in PASSING or context.left_seconds() <= PAUSE_SECONDS:
                raise
            context.progress(0.0, f"trying again: {problem.message}")
            time.sleep(PAUSE_SECONDS)


def _must_be_off(context: Context, source: Source) -> None:
    power = context.fabric.power.state(source.setup.fabric_id)
    if power is not PowerState.OFF:
        raise errors.NotPossibleNow(
            f"The last cycle of {source.setup.machine_name} needs the machine off, but it is {power}.",
            do="Shut the machine down first, then retry.",
        )


def pre_copy(context: Context, payload: PreCopy) -> tuple[str, CycleFact]:
    """Cycles until all passes are through and a delta is small enough."""
    source = context.source()
    rounds = 0
    with source.hold("copying ahead", context.left_seconds()):
        while True:
            fact = _cycle(context, source, Wish())
            in_pass = bool(source.progress.passes)
            rounds += not in_pass
            if not in_pass and (fact.changed_bytes <= payload.until_bytes or rounds >= payload.rounds):
                break
            if context.left_seconds() <= 0:
                raise errors.DeadlineExceeded(
                    f"Copying ahead of {source.setup.machine_name} is not through: {fact.changed_bytes} bytes changed "
                    "in the last cycle.",
                    do="Wait until the initial replication is complete and the machine writes less, then retry.",
                )
    times = "once" if rounds == 1 else f"{rounds} times"
    return f"copied ahead {times}, {fact.changed_bytes / 1e6:.1f} MB the last time", fact
