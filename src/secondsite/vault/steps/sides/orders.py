"""Gives an order of a step to an appliance and gets its report, without holding a thread.

A step asks; while there is no report it waits for the signal and is run again. An appliance that is not
connected for longer than `reach_seconds` is an error of its own, so that nobody waits an hour for a site that
is gone. What the first step found out holds for all: of a thousand machines whose source is gone only those
wait that are about to begin.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from ....domain import errors
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Commit, Done, Wait
from ....wire.common.base import Shape
from ....wire.control import Report
from ....wire.control.orders import Kind, OrderKind
from ....wire.control.reports import facts_of
from ..deps import Deps

LOOK_AGAIN_SECONDS = 2.0
AWAY_SECONDS = 60.0
"""How often a step looks again that waits for days until an appliance returns, which signals its orders: a
thousand such jobs, that looked every two seconds, took two cores."""
MOMENT_SECONDS = 0.2
SLOW_FOR_SECONDS = 2.0
"""How long orders of a kind are not waited for in the step itself, in seconds, after one that took the
appliance longer than a moment."""
PASSING_SECONDS = 1.0
"""Who waits at most so long for an appliance to be reached does not wait for one that was lost before: in a
disaster that was the first second of each failover."""
GRACE_SECONDS = 60.0
FORGOTTEN_AFTER_SECONDS = 3600.0
"""An order that nobody has asked for in this time belongs to a step that has ended without it, by a cancel or
an error: steps ask at least every half minute, unless the database is away."""

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)
F_co = TypeVar("F_co", bound=Shape, covariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a step waits for an order, in seconds: in all, for an appliance that is not connected, and
    without progress (None: no limit)."""

    deadline_seconds: float = 120
    reach_seconds: float = 30
    stuck_seconds: float | None = None
    once: bool = False
    """An appliance that did not answer in time is not asked again by the same attempt of the step, which may
    since wait for others."""

    @property
    def awaits_its_return(self) -> bool:
        """Whether the order may wait as long as it may take: that an appliance was away before is no reason
        to give up."""
        return self.reach_seconds >= self.deadline_seconds


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Answer(Generic[F_co]):
    """A report without a problem: its facts, with its sentence."""

    sentence: str
    facts: F_co

    def done(self, commit: Commit | None = None) -> Done:
        """The end of a step that has nothing to add to the answer."""
        return Done(self.sentence, self.facts, commit)


@dataclass(frozen=True, slots=True)
class _Absence:
    """An appliance was found not to be connected, first at `since` (this process's clock). `seen_at` is when
    it was last connected: if that has changed, it came back in between, and this is another absence."""

    since: float
    seen_at: datetime | None


@dataclass(slots=True)
class _Open:
    """An order that a step waits for, whose step began at `began_at`. It was given at `since` and last asked
    for at `asked_at` (this process's clock); `furthest` is its greatest progress, and when that was
    reached."""

    order_id: str
    began_at: datetime
    since: float
    asked_at: float
    furthest: tuple[float, float] | None = None
    over: errors.SecondsiteError | None = None
    """Why the order is not asked for again."""


class Orders:
    """Gives orders for steps. Notes, per appliance, since when it has been away, as far as steps have found.
    Safe from any thread, as long as one at a time asks for the same order."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._away: dict[str, _Absence] = {}
        self._open: OrderedDict[str, _Open] = OrderedDict()
        """Sorted by when they were last asked for, the latest last."""
        self._lock = threading.Lock()
        self._slow_until: dict[tuple[str, Kind], float] = {}

    def give(
        self,
        ctx: StepContext,
        appliance_id: str,
        order: OrderKind[P, F],
        payload: P,
        *,
        why: str,
        machine_id: str | None = None,
        generation: int | None = None,
        drill_generation: int | None = None,
        limits: Limits = USUAL,
        again: bool = False,
    ) -> Answer[F]:
        """What the appliance reports; raises Wait while it does not.

        Raises the appliance's problem, ApplianceUnreachable, or DeadlineExceeded: after `deadline_seconds` in
        all, and after `stuck_seconds` without progress. A step gives each kind of order once, to one
        appliance, since the order's id is made of the step and the kind; and a second time with `again`.
        """
        order_id = f"{ctx.order_id}/{order.kind.value}/{appliance_id[:8]}{'/again' if again else ''}"
        asked = self._asked(order_id, ctx.began_at)
        if asked.over is not None:
            raise asked.over
        report = self.deps.gateway.ask(
            appliance_id,
            order_id,
            order.kind,
            machine_id,
            payload,
            limits.deadline_seconds,
            generation=generation,
            drill_generation=drill_generation,
            given_at=ctx.began_at,
        )
        report = report or self._in_a_moment(ctx, appliance_id, order.kind, order_id)
        if report is not None:
            return self._answer(order_id, order, report)
        try:
            self._require_worth_waiting(appliance_id, asked, why, limits)
        except (
            errors.StoreUnavailable
        ):  # not the appliance's problem: a step that goes on without it must not see this
            raise self._wait(ctx, appliance_id, asked, why, limits) from None
        except errors.SecondsiteError as problem:
            if limits.once:
                self._end(asked, problem)
            raise
        raise self._wait(ctx, appliance_id, asked, why, limits)

    def _end(self, asked: _Open, problem: errors.SecondsiteError) -> None:
        with self._lock:
            self._open[asked.order_id] = asked
        asked.over = problem

    def _require_worth_waiting(self, appliance_id: str, asked: _Open, why: str, limits: Limits) -> None:
        self._require_there(appliance_id, asked, limits)
        self._require_in_time(appliance_id, asked, why, limits.deadline_seconds)
        if limits.stuck_seconds is not None:
            self._require_progress(appliance_id, asked, why, limits.stuck_seconds)

    def require_reachable(self, _ctx: StepContext, appliance_id: str, reach_seconds: float) -> None:
        """For a step that waits for one appliance and needs another one next: raises ApplianceUnreachable
        once that one has been away for so long."""
        away = self._away_seconds(appliance_id)
        if away is not None and away >= reach_seconds:
            raise self._unreachable(appliance_id, away)

    def _in_a_moment(self, ctx: StepContext, appliance_id: str, kind: Kind, order_id: str) -> Report | None:
        """The report, if it comes within a moment: most orders take an appliance some milliseconds, and a
        step that waits that long need not be run again."""
        now = self.deps.monotonic()
        if self._slow_until.get((appliance_id, kind), now) > now or not self.deps.gateway.holds(appliance_id):
            return None
        with ctx.aside():
            report = self.deps.gateway.awaited(order_id, MOMENT_SECONDS)
        if report is None:
            self._slow_until[appliance_id, kind] = now + SLOW_FOR_SECONDS
        return report

    def _answer(self, order_id: str, order: OrderKind[P, F], report: Report) -> Answer[F]:
        self._forget(order_id)
        return Answer(report.sentence, facts_of(order, report))

    def _asked(self, order_id: str, began_at: datetime) -> _Open:
        """The open order. If its step began anew, as that of a held job that goes on, the order has its full
        time again."""
        now = self.deps.monotonic()
        with self._lock:
            known = self._open.get(order_id)
            if known is None or known.began_at != began_at:
                known = self._open[order_id] = _Open(order_id, began_at, now, now)
            known.asked_at = now
            self._open.move_to_end(order_id)
            while next(iter(self._open.values())).asked_at < now - FORGOTTEN_AFTER_SECONDS:
                self._open.popitem(last=False)
        return known

    def _require_there(self, appliance_id: str, asked: _Open, limits: Limits) -> None:
        away = self._away_seconds(appliance_id)
        if away is None:
            return
        if limits.reach_seconds <= PASSING_SECONDS:
            away = max(away, self.deps.gateway.lost_seconds(appliance_id))
        if limits.awaits_its_return:
            away = min(away, self._open_seconds(asked))
        if away >= limits.reach_seconds:
            self._forget(asked.order_id)
            raise self._unreachable(appliance_id, away)

    def _away_seconds(self, appliance_id: str) -> float | None:
        """Seconds for which the appliance has been away; None while it is connected."""
        if self.deps.gateway.is_connected(appliance_id):
            self._away.pop(appliance_id, None)
            return None
        now, seen_at = self.deps.monotonic(), self._seen_at(appliance_id)
        known = self._away.get(appliance_id)
        if known is None or known.seen_at != seen_at:
            known = self._away[appliance_id] = _Absence(now, seen_at)
        return now - known.since

    def _seen_at(self, appliance_id: str) -> datetime | None:
        with self.deps.store.reading() as tx:
            appliance = tx.appliances.find(appliance_id)
        return None if appliance is None else appliance.last_seen_at

    def _unreachable(self, appliance_id: str, away_seconds: float) -> errors.ApplianceUnreachable:
        seen_at = self._seen_at(appliance_id)
        gone_seconds = 0.0 if seen_at is None else (self.deps.now() - seen_at).total_seconds()
        return errors.ApplianceUnreachable(
            f"The appliance {self._name(appliance_id)} has not been connected for "
            f"{max(away_seconds, gone_seconds):.0f} s."
        )

    def _open_seconds(self, asked: _Open) -> float:
        return self.deps.monotonic() - asked.since

    def _require_in_time(self, appliance_id: str, asked: _Open, why: str, deadline_seconds: float) -> None:
        """Raises DeadlineExceeded when the order's time is over: before the engine's own deadline, so that a
        step may go on without the answer."""
        if self._open_seconds(asked) >= deadline_seconds:
            self._forget(asked.order_id)
            raise errors.DeadlineExceeded(
                f"The appliance {self._name(appliance_id)} did not finish in {deadline_seconds:.0f} s: {why}."
            )

    def _require_progress(self, appliance_id: str, asked: _Open, why: str, stuck_seconds: float) -> None:
        """Raises DeadlineExceeded without progress for so long. A repeated attempt is progress only once it
        gets further than the ones before."""
        now = self.deps.monotonic()
        said = self.deps.gateway.progress(asked.order_id)
        fraction = said[0] if said else 0.0
        furthest, since = asked.furthest or (-1.0, now)
        if fraction > furthest:
            asked.furthest = (fraction, now)
        elif now - since >= stuck_seconds:
            self._forget(asked.order_id)
            raise errors.DeadlineExceeded(
                f"The appliance {self._name(appliance_id)} made no progress for {now - since:.0f} s, at "
                f"{furthest:.0%} of {why}."
            )

    def _forget(self, order_id: str) -> None:
        with self._lock:
            self._open.pop(order_id, None)

    def _name(self, appliance_id: str) -> str:
        with self.deps.store.reading() as tx:
            appliance = tx.appliances.find(appliance_id)
        return f"'{appliance.name}' of site {appliance.site}" if appliance else appliance_id

    def _wait(self, ctx: StepContext, appliance_id: str, asked: _Open, why: str, limits: Limits) -> Wait:
        """The wait for the report. The engine counts from the step's first wait, whatever that was for; this
        order may be a later one."""
        said = self.deps.gateway.progress(asked.order_id)
        left_seconds = limits.deadline_seconds - self._open_seconds(asked)
        waits_for_days = limits.awaits_its_return and not self.deps.gateway.is_connected(appliance_id)
        return Wait(
            signal=f"order/{asked.order_id}",
            deadline_seconds=ctx.waited_seconds + left_seconds + GRACE_SECONDS,
            why=said[1] if said and said[1] else why,
            progress=said[0] if said else None,
            poll_seconds=AWAY_SECONDS if waits_for_days else min(LOOK_AGAIN_SECONDS, limits.reach_seconds),
        )
