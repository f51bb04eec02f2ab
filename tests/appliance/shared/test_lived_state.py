"""What an appliance forgets for its age it forgets by the time that it has lived through."""

import pytest

from secondsite.appliance.shared.state import REPORTS_KEPT_SECONDS, State
from secondsite.ground.units import DAY
from secondsite.wire.control import Report


class Host:
    passed = 0.0
    set = 0.0

    def clock(self):
        return 1_790_000_000.0 + self.passed + self.set

    def monotonic(self):
        return self.passed


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def opened(host, tmp_path):
    """As an appliance does that starts."""
    states = []

    def opened():
        states.append(State(tmp_path / "appliance.db", host.clock, host.monotonic))
        return states[-1]

    yield opened
    for each in states:
        each.close()


@pytest.mark.parametrize("days", [10, 400, -10, -400])
def test_a_clock_that_jumped_forgets_no_report(opened, host, days):
    """Else a repeated order would be carried out twice."""
    state = opened()
    state.put_report(Report(order_id="o1"))
    host.set = days * DAY
    state.put_report(Report(order_id="o2"))
    host.passed += 100.0
    opened().put_report(Report(order_id="o3"))
    host.set = 0.0
    state = opened()
    state.put_report(Report(order_id="o4"))
    assert [order for order in ("o1", "o2", "o3", "o4") if state.report(order) is None] == []


def test_what_is_old_is_forgotten(opened, host):
    state = opened()
    state.put_report(Report(order_id="o1"))
    host.passed += REPORTS_KEPT_SECONDS + DAY
    state.put_report(Report(order_id="o2"))
    assert state.report("o1") is None
    assert state.report("o2") is not None
