"""How a step gives an order to an appliance and gets its report, without holding a thread.

A step asks; while there is no report it waits for the signal and is run again. An appliance that stays away longer
than `reach_seconds` is an error of its own, so that nobody waits an hour for a site that is gone.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ....domain import errors
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Commit, Done, Wait
from ....wire.common.base import Shape
from ....wire.control import Report
from ....wire.control.orders import OrderKind
from ....wire.control.reports import facts_of
from ..deps import Deps

LOOK_AGAIN_SECONDS = 2.0
GRACE_SECONDS = 60.0

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)
F_co = TypeVar("F_co", bound=Shape, covariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a step waits for an order, in seconds: in all, for an appliance that is away, and without progress
    (None: no limit)."""

    deadline_seconds: float = 120
    reach_seconds: float = 30
    stuck_seconds: float | None = None


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Answer(Generic[F_co]):
    """A report without a problem."""

    sentence: str
    facts: F_co

    def done(self, commit: Commit | None = None) -> Done:
        """The end of a step that has nothing to add."""
        return Done(self.sentence, self.facts, commit)


class Orders:
    """Gives orders for steps. Keeps, per order, since when its appliance has been away (this process's clock)."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._away_since: dict[str, float] = {}
        self._asked_at: dict[str, float] = {}
        self._furthest: dict[str, tuple[float, float]] = {}

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
    ) -> Answer[F]:
        """What the appliance reports; raises Wait while it does not.

        Raises the appliance's problem, ApplianceUnreachable, or DeadlineExceeded: after `deadline_seconds` in all, and
        after `stuck_seconds` without progress. A step gives each kind of order once, to one appliance: the order's id is
        made of the step and the kind.
        """
        order_id = f"{ctx.order_id}/{order.kind.value}/{appliance_id[:8]}"
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
        if report is not None:
            return self._answer(order_id, order, report)
        self._require_reachable(appliance_id, order_id, limits.reach_seconds)
        self._require_in_time(appliance_id, order_id, why, limits.deadline_seconds)
        if limits.stuck_seconds is not None:
            self._require_progress(appliance_id, order_id, why, limits.stuck_seconds)
        raise self._wait(ctx, order_id, why, limits)

    def require_reachable(self, ctx: StepContext, appliance_id: str, reach_seconds: float) -> None:
        """For a step that waits for one appliance and needs another one next: raises ApplianceUnreachable once that one has
        been away so long."""
        self._require_reachable(appliance_id, f"{ctx.order_id}/next/{appliance_id}", reach_seconds)

    def _answer(self, order_id: str, order: OrderKind[P, F], report: Report) -> Answer[F]:
        self._forget(order_id)
        return Answer(report.sentence, facts_of(order, report))

    def _require_reachable(self, appliance_id: str, order_id: str, reach_seconds: float) -> None:
        if self.deps.gateway.is_connected(appliance_id):
            self._away_since.pop(order_id, None)
            return
        now = self.deps.monotonic()
        away = now - self._away_since.setdefault(order_id, now)
        if away >= reach_seconds:
            self._forget(order_id)
            raise errors.ApplianceUnreachable(
                f"The appliance {self._name(appliance_id)} has not been connected for {away:.0f} s."
            )

    def _require_in_time(self, appliance_id: str, order_id: str, why: str, deadline_seconds: float) -> None:
        """The order's own deadline comes before the engine's, so that a step may go on without the answer."""
        now = self.deps.monotonic()
        if now - self._asked_at.setdefault(order_id, now) >= deadline_seconds:
            self._forget(order_id)
            raise errors.DeadlineExceeded(
                f"The appliance {self._name(appliance_id)} did not finish in {deadline_seconds:.0f} s: {why}."
            )

    def _require_progress(self, appliance_id: str, order_id: str, why: str, stuck_seconds: float) -> None:
        """A repeated attempt is progress only once it gets further than the ones before."""
        now = self.deps.monotonic()
        said = self.deps.gateway.progress(order_id)
        fraction = said[0] if said else 0.0
        furthest, since = self._furthest.setdefault(order_id, (fraction, now))
        if fraction > furthest:
            self._furthest[order_id] = (fraction, now)
        elif now - since >= stuck_seconds:
            self._forget(order_id)
            raise errors.DeadlineExceeded(
                f"The appliance {self._name(appliance_id)} made no progress for {now - since:.0f} s, at "
                f"{furthest:.0%} of {why}."
            )

    def _forget(self, order_id: str) -> None:
        self._furthest.pop(order_id, None)
        self._away_since.pop(order_id, None)
        self._asked_at.pop(order_id, None)

    def _name(self, appliance_id: str) -> str:
        with self.deps.store.reading() as tx:
            appliance = tx.appliances.find(appliance_id)
        return f"'{appliance.name}' of site {appliance.site}" if appliance else appliance_id

    def _wait(self, ctx: StepContext, order_id: str, why: str, limits: Limits) -> Wait:
        """The engine counts from the step's first wait, whatever that was for; this order may be a later one."""
        said = self.deps.gateway.progress(order_id)
        left_seconds = limits.deadline_seconds - (self.deps.monotonic() - self._asked_at[order_id])
        return Wait(
            signal=f"order/{order_id}",
            deadline_seconds=ctx.waited_seconds + left_seconds + GRACE_SECONDS,
            why=said[1] if said and said[1] else why,
            progress=said[0] if said else None,
            poll_seconds=min(LOOK_AGAIN_SECONDS, limits.reach_seconds),
        )
