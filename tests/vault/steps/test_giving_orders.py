"""How long a step waits for an order that it gave after it had waited for other things."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.jobs.model.context import StepContext
from secondsite.jobs.model.outcomes import Wait
from secondsite.vault.steps.deps import Deps
from secondsite.vault.steps.sides.giving_orders import GRACE_SECONDS, Limits, Orders
from secondsite.wire.control.orders import ORDERS, Kind

LIMITS = Limits(deadline_seconds=600)


class SilentSite:
    """An appliance that is connected and does not answer, as orders see it."""

    def __init__(self):
        self.seconds = 1000.0
        self.gateway = SimpleNamespace(
            ask=lambda *_, **__: None, is_connected=lambda _id: True, progress=lambda _id: None
        )

    def monotonic(self):
        return self.seconds


def waits(orders, waited_seconds):
    ctx = SimpleNamespace(order_id="job/1/1", began_at=None, waited_seconds=waited_seconds)
    order, payload = cast(Any, ORDERS[Kind.DISCOVER]), cast(Any, None)
    with pytest.raises(Wait) as wait:
        orders.give(
            cast(StepContext, ctx), "appliance", order, payload, why="the last changes", limits=LIMITS
        )
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
