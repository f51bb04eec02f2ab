"""How long a step waits for an order that it gave after it had waited for other things."""

from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.domain.errors import ApplianceUnreachable, DeadlineExceeded
from secondsite.jobs.model.context import StepContext
from secondsite.jobs.model.outcomes import Wait
from secondsite.vault.steps.deps import Deps
from secondsite.vault.steps.sides.orders import (
    FORGOTTEN_AFTER_SECONDS,
    GRACE_SECONDS,
    SLOW_FOR_SECONDS,
    Limits,
    Orders,
)
from secondsite.wire.control import Report
from secondsite.wire.control.orders import ORDERS, Kind
from tests.support.vault import NOW

LIMITS = Limits(deadline_seconds=600)
URGENT = Limits(deadline_seconds=600, reach_seconds=15)
FOR_ITS_RETURN = Limits(deadline_seconds=600, reach_seconds=600)


class SilentSite:
    """An appliance that does not answer, as orders see it. It is connected until it goes away."""

    def __init__(self, connected=True):
        self.seconds = 1000.0
        self.connected, self.seen_at = connected, NOW
        self.in_a_moment: Any = None
        self.awaited_times = 0
        self.lost_seconds = self.seconds_since_seen = 0.0
        self.gateway = SimpleNamespace(
            ask=lambda *_, **__: None, is_connected=lambda _id: self.connected,
            holds=lambda _id: self.connected, lost_seconds=lambda _id: self.lost_seconds,
            awaited=self.awaited, progress=lambda _id: None,
        )  # fmt: skip
        self.store = SimpleNamespace(reading=lambda: nullcontext(SimpleNamespace(appliances=self)))

    def monotonic(self):
        return self.seconds

    def now(self):
        return NOW + timedelta(seconds=self.seconds_since_seen)

    def find(self, _appliance_id):
        return SimpleNamespace(name="one", site="a", last_seen_at=self.seen_at)

    def awaited(self, _order_id, _seconds):
        self.awaited_times += 1
        return self.in_a_moment

    def came_back_and_went(self):
        self.seen_at += timedelta(seconds=3)


def give(orders, limits=LIMITS, *, job="job", waited_seconds=0.0, began_at=NOW):
    ctx = SimpleNamespace(
        order_id=f"{job}/1/1", began_at=began_at, waited_seconds=waited_seconds, aside=nullcontext
    )
    order, payload = cast(Any, ORDERS[Kind.DISCOVER]), cast(Any, None)
    return orders.give(
        cast(StepContext, ctx), "appliance", order, payload, why="the last changes", limits=limits
    )


def waits(orders, waited_seconds=0.0, **how):
    with pytest.raises(Wait) as wait:
        give(orders, waited_seconds=waited_seconds, **how)
    return wait.value.deadline_seconds - waited_seconds


def test_an_order_that_is_given_late_in_a_step_has_as_long_as_an_early_one():
    assert waits(Orders(cast(Deps, SilentSite())), 0.0) == 600 + GRACE_SECONDS
    assert waits(Orders(cast(Deps, SilentSite())), 7200.0) == 600 + GRACE_SECONDS


def test_each_look_leaves_the_order_what_is_left_of_its_time():
    site = SilentSite()
    orders = Orders(cast(Deps, site))
    assert waits(orders, 95.0) == 600 + GRACE_SECONDS
    site.seconds += 400
    assert waits(orders, 495.0) == 200 + GRACE_SECONDS


@pytest.mark.parametrize("limits", [LIMITS, Limits(deadline_seconds=6000, stuck_seconds=600)])
def test_the_order_of_a_job_that_was_held_has_its_time_again(limits):
    site = SilentSite()
    orders = Orders(cast(Deps, site))
    waits(orders, limits=limits)
    site.seconds += 7200
    assert (
        waits(orders, limits=limits, began_at=NOW + timedelta(hours=2))
        == limits.deadline_seconds + GRACE_SECONDS
    )
    site.seconds += limits.stuck_seconds or limits.deadline_seconds
    with pytest.raises(DeadlineExceeded):
        give(orders, limits, began_at=NOW + timedelta(hours=2))


def test_only_who_asks_in_passing_does_not_wait_for_an_appliance_that_was_lost_before():
    site = SilentSite(connected=False)
    orders, passing = Orders(cast(Deps, site)), Limits(deadline_seconds=10, reach_seconds=1)
    site.lost_seconds = 0.4
    waits(orders, limits=URGENT, job="patient")
    with pytest.raises(Wait):
        give(orders, passing)
    site.lost_seconds = 300.0
    site.seconds_since_seen = 4000.0
    with pytest.raises(ApplianceUnreachable, match="has not been connected for 4000 s"):
        give(orders, passing)
    waits(orders, limits=URGENT, job="patient")


def test_what_one_job_found_out_of_a_source_that_is_gone_counts_for_those_that_begin_later():
    site = SilentSite(connected=False)
    orders = Orders(cast(Deps, site))
    waits(orders, limits=URGENT, job="first")
    site.seconds += 14
    waits(orders, limits=URGENT, job="first")
    site.seconds += 1
    for job in ("first", "second", "third"):
        with pytest.raises(ApplianceUnreachable, match="'one' of site a has not been connected for 15 s"):
            give(orders, URGENT, job=job)


def test_a_source_that_has_just_gone_has_its_time():
    site = SilentSite()
    orders = Orders(cast(Deps, site))
    waits(orders, limits=URGENT)
    site.seconds, site.connected = site.seconds + 100, False
    waits(orders, limits=URGENT)
    site.seconds += 14
    waits(orders, limits=URGENT)


@pytest.mark.parametrize("seen", [True, False])
def test_a_source_that_came_back_in_between_has_its_time_again(seen):
    site = SilentSite(connected=False)
    orders = Orders(cast(Deps, site))
    waits(orders, limits=URGENT)
    site.seconds += 100
    site.came_back_and_went()
    if seen:
        site.connected = True
        waits(orders, limits=URGENT)
        site.connected = False
    waits(orders, limits=URGENT)
    with pytest.raises(ApplianceUnreachable):
        site.seconds += 15
        give(orders, URGENT)


def test_who_waits_for_its_return_does_so_however_long_it_was_away_before():
    site = SilentSite(connected=False)
    orders = Orders(cast(Deps, site))
    waits(orders, limits=URGENT, job="first")
    site.seconds += 10_000
    waits(orders, limits=FOR_ITS_RETURN, job="second")
    site.seconds += 599
    waits(orders, limits=FOR_ITS_RETURN, job="second")
    with pytest.raises(ApplianceUnreachable):
        site.seconds += 1
        give(orders, FOR_ITS_RETURN, job="second")


def test_a_step_that_needs_another_appliance_next_hears_that_it_is_gone():
    site = SilentSite(connected=False)
    orders, ctx = Orders(cast(Deps, site)), cast(StepContext, SimpleNamespace(order_id="job/1/1"))
    orders.require_reachable(ctx, "appliance", 60)
    site.seconds += 60
    with pytest.raises(ApplianceUnreachable):
        orders.require_reachable(ctx, "appliance", 60)


def test_an_order_that_takes_a_moment_is_answered_where_it_was_given():
    site = SilentSite()
    site.in_a_moment = Report(
        order_id="o1", sentence="found 3 machines", facts={"machines": [], "networks": []}
    )
    assert give(Orders(cast(Deps, site))).sentence == "found 3 machines"


def test_a_kind_of_order_that_takes_longer_is_not_waited_for_until_a_while_later():
    site = SilentSite()
    orders = Orders(cast(Deps, site))
    for job in ("first", "second", "third"):
        waits(orders, job=job)
    assert site.awaited_times == 1
    site.seconds += SLOW_FOR_SECONDS
    waits(orders, job="fourth")
    assert site.awaited_times == 2


def test_an_appliance_that_is_not_connected_here_is_not_waited_for():
    site = SilentSite(connected=False)
    waits(Orders(cast(Deps, site)))
    assert site.awaited_times == 0


def kept(orders):
    """How many orders it knows of, and kinds of them that take an appliance long."""
    return sum(len(each) for each in vars(orders).values() if isinstance(each, dict))


def test_of_steps_that_were_cancelled_nothing_is_kept_for_ever():
    site = SilentSite()
    orders = Orders(cast(Deps, site))
    for number in range(50):
        waits(orders, limits=Limits(6000, stuck_seconds=600), job=f"cancelled{number}")
    site.seconds += FORGOTTEN_AFTER_SECONDS / 2
    waits(orders, job="later")
    site.seconds += FORGOTTEN_AFTER_SECONDS / 2 + 1
    assert kept(orders) > 50
    waits(orders, job="last")
    assert kept(orders) == 2 + 1


def test_an_order_that_is_asked_for_now_and_then_is_not_forgotten():
    site = SilentSite()
    orders, long = Orders(cast(Deps, site)), Limits(deadline_seconds=4 * FORGOTTEN_AFTER_SECONDS)
    left = long.deadline_seconds + GRACE_SECONDS
    for number in range(100):
        waits(orders, job=f"cancelled{number}")
        assert waits(orders, limits=long) == left - number * 120
        site.seconds += 120
    assert kept(orders) <= 3 + FORGOTTEN_AFTER_SECONDS / 120, "but the others are"
