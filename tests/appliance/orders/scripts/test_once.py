"""An order that is repeated at any moment runs its script once, and keeps the first report."""

import threading
import uuid

import pytest

from rig.eventually import eventually
from secondsite.ground import threads
from secondsite.wire.control import Order, Report
from secondsite.wire.control.orders import Kind
from tests.appliance.orders.scripts.support_scripts import payload, times, write

pytestmark = pytest.mark.slow


def test_an_order_that_is_repeated_as_its_script_ends_keeps_its_first_report(site, folder):
    write(folder, f"echo ran >>{folder}/runs; until [ -e {folder}/end ]; do sleep 0.01; done")
    body = payload().model_dump(mode="json")
    order = Order(order_id=uuid.uuid4().hex, kind=Kind.RUN_SCRIPT, payload=body, deadline_seconds=30)
    sent: list[Report] = []
    desk, state = site.appliance.desk, site.appliance.state
    desk.connected(sent.append)
    report_of, looked, ended = state.report, threading.Event(), threading.Event()

    def late(order_id):
        """Whoever repeats it looks for the report, and goes on when the first one has ended."""
        report = report_of(order_id)
        looked.set()
        assert ended.wait(20)
        return report

    desk.take(order)
    eventually(lambda: times(folder) == 1)
    state.report = late
    repeated = threads.worker("repeated", lambda: desk.take(order))
    repeated.start()
    assert looked.wait(20)
    (folder / "end").touch()
    eventually(lambda: sent)
    ended.set()
    repeated.join()
    eventually(lambda: len(sent) == 2)
    assert sent[0].facts["exit_status"] == 0
    assert sent[1] == sent[0] == report_of(order.order_id)
    assert times(folder) == 1
