"""What cannot be said, or not be understood, of one thing costs that thing alone, and is named."""

import json

import pytest

from secondsite.vault.gateway import reading
from secondsite.wire import control
from secondsite.wire.control.salvage import sayable


def test_an_appliance_leaves_out_what_it_cannot_say_and_says_so():
    said = sayable(
        {"generations": {"web": 2**63, "db": 4}, "store_free_bytes": -1, "sources_gone": ("a", "x" * 1000)}
    )
    assert said.generations == {"db": 4}
    assert said.store_free_bytes is None
    assert said.sources_gone == ("a",)
    assert said.unsaid.startswith("left out 3: ")
    assert "'web' generations" in said.unsaid


def test_what_can_be_said_is_said_whole():
    assert sayable({"generations": {"db": 4}}) == control.Status(generations={"db": 4})


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_whoever_waits_for_a_report_that_nobody_can_read_hears_that(odd):
    text = f'{{"type":"report","order_id":"o1","machine_id":"m1","facts":{{"seconds":{odd}}}}}'
    report = reading.understood("ap", text)
    assert isinstance(report, control.Report)
    assert (report.order_id, report.machine_id, report.facts) == ("o1", "m1", {})
    assert report.problem is not None
    assert "cannot be read" in report.problem.message


@pytest.mark.parametrize(
    "said", [{"type": "report"}, {"type": "progress", "order_id": "o1"}, {"type": 5}, []]
)
def test_what_nobody_waits_for_is_nothing(said):
    assert reading.understood("ap", json.dumps(said)) is None
