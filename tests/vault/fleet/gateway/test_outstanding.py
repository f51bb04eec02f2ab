"""Orders that somebody asked for: what came back, who has it, and how long it is kept."""

import itertools
import time
import tracemalloc
from typing import Any

from rig.background import Background
from rig.eventually import eventually
from secondsite.vault.fleet.gateway.order_delivery import OrderDelivery
from secondsite.vault.fleet.gateway.outstanding_orders import (
    FORGOTTEN_AFTER_SECONDS,
    OutstandingOrders,
    ReportRecipient,
)
from secondsite.wire import control
from tests.support.vault import point

LONG_SECONDS = 20.0
MOST_FRAMES = 60
"""Of a call that is told apart from those of other threads."""


def test_reports_that_nobody_asked_for_are_not_kept():
    outstanding = OutstandingOrders()
    assert outstanding.arrived("a", control.Report(order_id="o1")) is ReportRecipient.UNASKED
    outstanding.asked("a", "o1")
    assert outstanding.arrived("b", control.Report(order_id="o1")) is ReportRecipient.UNASKED
    assert outstanding.arrived("a", control.Report(order_id="o1")) is ReportRecipient.KEPT


def test_only_what_was_asked_of_an_appliance_and_has_no_answer_is_waited_for():
    outstanding = OutstandingOrders()
    assert outstanding.unanswered("a", "o1") is None
    outstanding.asked("a", "o1", "power")
    assert outstanding.unanswered("a", "o1") == "power"
    assert outstanding.unanswered("b", "o1") is None
    outstanding.arrived("a", control.Report(order_id="o1"))
    assert outstanding.unanswered("a", "o1") is None


def test_orders_that_nobody_asks_for_any_more_are_dropped():
    now = [0.0]
    outstanding = OutstandingOrders(lambda: now[0])
    outstanding.asked("a", "o1")
    now[0] = FORGOTTEN_AFTER_SECONDS + 1
    outstanding.asked("a", "o2")
    assert outstanding.of("a") == ["o2"]


def test_what_nobody_asks_for_any_more_goes_although_nothing_else_is_asked():
    now = [0.0]
    outstanding = OutstandingOrders(lambda: now[0])
    outstanding.asked("a", "o1")
    now[0] = FORGOTTEN_AFTER_SECONDS + 1
    outstanding.drop_forgotten()
    assert outstanding.of("a") == []


def test_a_report_that_was_given_is_held_small_and_given_again():
    outstanding = OutstandingOrders()
    facts: dict[str, Any] = {"points": [point(seq).model_dump(mode="json") for seq in range(46)]}
    said = control.Report(order_id="o1", facts=facts).model_dump_json()
    outstanding.asked("a", "o1")
    tracemalloc.start(MOST_FRAMES)
    outstanding.arrived("a", control.Report.model_validate_json(said))
    given = outstanding.report("a", "o1")
    assert given is not None
    assert given.facts == facts
    del given
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    ours = tracemalloc.Filter(True, __file__, all_frames=True)  # threads of tests before it may still run
    held = sum(trace.size for trace in snapshot.filter_traces([ours]).traces)
    assert held > 0
    assert held < len(said) / 2, "the report itself took some times as much as its text"
    assert outstanding.report("a", "o1") == outstanding.asked("a", "o1")


def test_a_report_is_held_as_the_text_that_it_was_read_from():
    outstanding = OutstandingOrders()
    for order_id, facts in (("small", {"n": 1}), ("large", {"points": ["x" * 10] * 500})):
        report = control.Report(order_id=order_id, facts=facts)
        outstanding.asked("a", order_id)
        outstanding.arrived("a", report, report.model_dump_json(indent=1))
        assert [outstanding.report("a", order_id) for _ in range(3)] == [report] * 3


def test_an_order_that_is_asked_for_again_stays_however_long_it_takes():
    now = [0.0]
    outstanding = OutstandingOrders(lambda: now[0])
    for number in range(1, 30):
        now[0] = number * FORGOTTEN_AFTER_SECONDS * 0.9
        outstanding.asked("a", "long")
        outstanding.asked("a", f"short-{number}")
        assert "long" in outstanding.of("a")
        assert len(outstanding.of("a")) <= 3
    assert outstanding.arrived("a", control.Report(order_id="long")) is ReportRecipient.KEPT
    assert outstanding.report("b", "long") is None
    assert outstanding.report("a", "long") is not None
    assert outstanding.report("a", "short-29") is None


def arrives_at(outstanding, order_id, then=lambda: None):
    """Whom it came to while a thread was about to wait for it, and what that thread was given."""
    given = list[control.Report | None]()
    outstanding.asked("a", order_id)
    works = {"waits": lambda: given.append(outstanding.awaited(order_id, LONG_SECONDS))}
    with Background(works, within_seconds=LONG_SECONDS):
        time.sleep(0.01)
        arrived = outstanding.arrived("a", control.Report(order_id=order_id))
        then()
    return arrived, given


def test_a_thread_that_waits_for_a_report_has_it_as_soon_as_it_is_there():
    outstanding, numbers = OutstandingOrders(), itertools.count()

    def is_awaited():
        arrived, given = arrives_at(outstanding, f"o{next(numbers)}")
        assert given[0] is not None
        return arrived is ReportRecipient.AWAITED

    began = time.monotonic()
    eventually(is_awaited)
    assert time.monotonic() - began < LONG_SECONDS


def test_a_report_that_is_there_is_not_waited_for():
    outstanding = OutstandingOrders()
    outstanding.asked("a", "o1")
    outstanding.arrived("a", control.Report(order_id="o1"))
    began = time.monotonic()
    assert outstanding.awaited("o1", LONG_SECONDS) is not None
    assert time.monotonic() - began < LONG_SECONDS


def test_one_that_comes_later_is_told_to_those_who_wait_for_the_signal():
    told: list[str] = []
    giving = OrderDelivery({}, told.append, None)  # type: ignore[arg-type]  # only called
    giving.ask("a", control.Order(order_id="o1", kind="discover", payload={}, deadline_seconds=5))
    assert giving.awaited("o1", 0.01) is None
    giving.reported("a", control.Report(order_id="o1"))
    assert told == ["order/o1"]


def test_an_order_that_was_forgotten_meanwhile_has_no_report():
    outstanding = OutstandingOrders()
    for number in range(20):
        arrives_at(outstanding, f"o{number}", lambda number=number: outstanding.forget(f"o{number}"))
        assert outstanding.awaited(f"o{number}", LONG_SECONDS) is None
