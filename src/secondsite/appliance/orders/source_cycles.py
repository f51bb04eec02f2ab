"""Cycles that the vault orders: one now, the last one, or several while the machine still runs."""

import time
from collections.abc import Callable

from ...datapath import errors as datapath_errors
from ...domain import errors
from ...domain.amounts import size, span
from ...domain.power_states import obstacle
from ...fabrics.interface import PowerState
from ...wire.control.orders import CycleFact, PreCopy, RunCycle
from ..source import CycleRequest, Overtaken, Source, leftover_views
from . import machine_tags
from .context import Context

PAUSE_SECONDS = 0.5
HEARD_SECONDS = 30.0
LINK_AWAY_SECONDS = 120.0
"""How long the last cycle is tried while the peer cannot be reached: the machine is off meanwhile."""
REFUSED_SECONDS = 600.0
"""How long it is tried while the peer refuses it: a peer that processes what it has may be busy for
minutes."""
UNREACHABLE = {"peer-unreachable", "peer-silent"}
PASSING = {
    "peer-unreachable",
    "peer-silent",
    "inbox-full",
    "replica-busy",
    "replica-in-use",
    "firmware-missing",
}
"""Errors from which the other side recovers by itself within the order's deadline."""


def run_cycle(context: Context, payload: RunCycle) -> tuple[str, CycleFact]:
    """Run one cycle with a point. The last one, of a machine that is off, sends all that is left, in as
    many cycles as unfinished passes need, and pauses replication."""
    source = context.source()
    request = CycleRequest(
        point=True,
        app_consistent=payload.app_consistent and not payload.final,
        pause=payload.final,
        set_id=payload.set_id if payload.final else None,
    )
    with context.alone(source, "a cycle that was asked for", interrupt=payload.final):
        if payload.final:
            _must_be_off(context, source)
            machine_tags.found(context, source.setup.fabric_id)  # it is fenced by its tag
            context.parts.replication.fences.raise_(
                source, "Its last changes went to the other site, where it runs."
            )
        fact = _asked_for(context, source, request)
        while payload.final and source.progress.passes:
            _require_time(context, source)
            fact = _asked_for(context, source, request)
        if payload.final:
            must_stay_off(context, source)
    what = "the last cycle" if payload.final else "a cycle"
    point = f", point {fact.point_id}" if fact.point_id else ""
    sentence = (
        f"sent {what} of {source.setup.machine_name}: {size(fact.changed_bytes)} in "
        f"{span(fact.seconds)}{point}"
    )
    return sentence, fact


def must_stay_off(context: Context, source: Source) -> None:
    """A machine that only its own agent keeps off must have heard that its last changes arrived: else it
    would work on after a while, beside its copy at the other site."""
    if context.fabric.properties.hosts:
        return
    until = time.monotonic() + HEARD_SECONDS
    while not source.tidy and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
        leftover_views.tidy_up(context.fabric, source)
    if not source.tidy:
        raise errors.FabricError(
            f"{source.setup.machine_name} does not hear that its last changes arrived, so nobody knows "
            "whether it stays off.",
            do="Nothing at once: it works on by itself. Move it again once its agent answers.",
        )


def _asked_for(context: Context, source: Source, request: CycleRequest) -> CycleFact:
    """Run the cycle, again if the machine was started while it was read; for the last cycle the machine must
    be off each time."""
    while True:
        if request.pause:
            _must_be_off(context, source)
        try:
            return _cycle(context, source, request)
        except Overtaken:
            if context.left_seconds() <= PAUSE_SECONDS:
                raise
            time.sleep(PAUSE_SECONDS)


def _require_time(context: Context, source: Source) -> None:
    if context.left_seconds() <= 0:
        raise errors.DeadlineExceeded(
            f"Blocks of {source.setup.machine_name} are still being compared: "
            f"{source.progress.sync_fraction() or 0:.0%} is done, and stays done.",
            do="Retry the job: it goes on where it stopped.",
        )


def _cycle(context: Context, source: Source, request: CycleRequest) -> CycleFact:
    """Run one cycle; repeat it while the other side, which may be restarting, cannot be reached, until
    another order wants the machine. The last cycle is not repeated for long."""
    link = _Link()
    while True:
        try:
            return context.parts.replication.cycle(source, request, link.heard(context.progress))
        except datapath_errors.DatapathError as problem:
            if problem.code not in PASSING or context.left_seconds() <= PAUSE_SECONDS:
                raise
            if request.pause:
                link.require_soon(source, problem)
            context.progress(0.0, f"trying again: {problem.message}")
            if source.interrupt.wait(PAUSE_SECONDS):
                raise


class _Link:
    """Since when the peer of a repeated cycle has been unreachable, or has refused it."""

    def __init__(self) -> None:
        self._away_since: float | None = None
        self._refused_since: float | None = None

    def heard(self, told: Callable[[float, str], None]) -> Callable[[float, str], None]:
        """`told`, wrapped so that it also notes that data passes."""

        def tell(fraction: float, sentence: str) -> None:
            self._away_since = None
            told(fraction, sentence)

        return tell

    def require_soon(self, source: Source, problem: datapath_errors.DatapathError) -> None:
        """Raises PeerUnreachable once the peer has been away for too long, CycleRefused once it has
        refused for too long."""
        now = time.monotonic()
        if problem.code not in UNREACHABLE:
            # data passes before an inbox is full, so that says nothing
            self._refused_since = now if self._refused_since is None else self._refused_since
            refused = now - self._refused_since
            if refused >= REFUSED_SECONDS:
                raise datapath_errors.CycleRefused(
                    problem.code,
                    f"The last changes of {source.setup.machine_name} could not be sent: the other site has "
                    f"refused them for {refused:.0f} s, and the machine is off meanwhile. {problem.message}",
                    do="Look at the target's appliance and its store, then start the planned failover again.",
                ) from problem
            return
        self._refused_since = None
        self._away_since = now if self._away_since is None else self._away_since
        away = now - self._away_since
        if away >= LINK_AWAY_SECONDS:
            raise errors.PeerUnreachable(
                f"The last changes of {source.setup.machine_name} could not be sent: the other site has not "
                f"been reached for {away:.0f} s, and the machine is off meanwhile. {problem.message}",
                do="Mend the link between the two sites' appliances, then start the planned failover again.",
            ) from problem


def _must_be_off(context: Context, source: Source) -> None:
    power = context.fabric.power.state(source.setup.fabric_id)
    obstacle(power, source.setup.machine_name)
    if power is not PowerState.OFF:
        raise errors.NotPossibleNow(
            (
                f"{source.setup.machine_name} was off for its last cycle, and is {power} now: somebody "
                "started it meanwhile."
            ),
            do=(
                "Find out who needs it, or what starts it by itself, as a cluster program does; then move it "
                "again."
            ),
        )


def pre_copy(context: Context, payload: PreCopy) -> tuple[str, CycleFact]:
    """Run cycles while the machine runs, until all passes are done and a delta is small enough."""
    source = context.source()
    obstacle(context.fabric.power.state(source.setup.fabric_id), source.setup.machine_name)
    rounds, began = 0, time.monotonic()
    with context.alone(source, "copying ahead"):
        while True:
            fact = _asked_for(context, source, CycleRequest())
            in_pass = bool(source.progress.passes)
            rounds += not in_pass
            if not in_pass and _is_enough(payload, fact, rounds, time.monotonic() - began):
                break
            if context.left_seconds() <= 0:
                raise errors.DeadlineExceeded(
                    f"Copying ahead of {source.setup.machine_name} is not through: {fact.changed_bytes} "
                    "bytes changed in the last cycle.",
                    do=(
                        "Wait until the initial replication is complete and the machine writes less, then "
                        "retry."
                    ),
                )
    times = "once" if rounds == 1 else f"{rounds} times"
    return f"copied ahead {times}, {size(fact.changed_bytes)} the last time", fact


def _is_enough(payload: PreCopy, fact: CycleFact, rounds: int, seconds: float) -> bool:
    """Whether what is left is small enough, or will not become smaller: whoever asked for a duration checks
    whether it was met."""
    if payload.until_seconds is None:
        return fact.changed_bytes <= payload.until_bytes or rounds >= payload.rounds
    return fact.seconds <= payload.until_seconds or seconds >= payload.give_up_seconds
