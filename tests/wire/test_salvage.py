"""What cannot be said, or not be understood, of one thing costs that thing alone, and is named."""

import gc
import json
import time
import tracemalloc

import pytest

from secondsite.ground.units import MiB
from secondsite.vault.fleet.gateway import message_parser
from secondsite.wire import control
from secondsite.wire.control.salvage import sayable

pytestmark = pytest.mark.always


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
    head = message_parser.heading(text)
    assert head is not None
    report = message_parser.report("ap", text, head, "power")
    assert (report.order_id, report.machine_id, report.facts) == ("o1", "m1", {})
    assert report.problem is not None
    assert "cannot be read" in report.problem.message


@pytest.mark.parametrize("said", [{"type": "progress", "order_id": "o1"}, {"type": 5}, []])
def test_what_nobody_waits_for_is_nothing(said):
    assert message_parser.of_short(json.dumps(said)) is None
    assert message_parser.status("ap", json.dumps(said)) is None


MACHINES = [
    {"machine_id": f"m{each}", "epoch": 1, "power": "running", "running": True} for each in range(8000)
]


def took(said):
    """Seconds of the processor, and what came of it."""
    text = json.dumps({"type": "status", **said})
    gc.disable()  # else it looks at whatever tests before this one left
    try:
        began = time.process_time()
        status = message_parser.status("ap", text)
        took = time.process_time() - began
    finally:
        gc.enable()
    assert status is not None
    return took, status


ODD_LISTS = {
    "ids that are too long": lambda many: {
        "sources_gone": [f"{each}".ljust(129, "x") for each in range(many)]
    },
    "numbers of odd machines": lambda many: {"generations": {f"m{each}": -1 for each in range(many)}},
    "odd machines": lambda many: {"replicas": [{"machine_id": f"r{each}"} for each in range(many)]},
    "odd names of the same field": lambda many: {"old_copies": [7] * many},
}


@pytest.mark.parametrize("odd", ODD_LISTS.values(), ids=ODD_LISTS)
def test_the_work_of_a_status_grows_no_faster_than_what_is_odd_in_it(odd):
    """An id that was too long cost a look at all machines beside it: 1,000 ids and 20,000 machines, five
    minutes."""
    few, status = took({"sources": MACHINES[:2000], **odd(100)})
    assert len(status.sources) == 2000
    assert status.unsaid.startswith("left out 100: ")
    few = min(few, *(took({"sources": MACHINES[:2000], **odd(100)})[0] for _ in range(4)))
    many = min(took({"sources": MACHINES[:8000], **odd(400)})[0] for _ in range(4))
    assert many < 9 * few, "four times as much took more than nine times as long"


def test_all_of_a_status_is_validated_three_times_at_most_however_much_is_odd(monkeypatch):
    rounds = []
    validate = control.Status.model_validate

    def noted(said):
        rounds.append(len(said))
        return validate(said)

    monkeypatch.setattr(control.Status, "model_validate", noted)
    odd = ["x" * 129] * 300
    _, status = took({"sources": MACHINES[:1000], "sources_gone": odd})
    assert len(status.sources) == 1000
    assert len(rounds) <= 2


def test_what_is_more_than_appliances_say_is_left_before_it_is_parsed():
    for junk in ("[]", "{}", '{"":1}'):
        text = '{"type":"status","sources":[{}],"junk":[' + ",".join([junk] * (4 * MiB // 3)) + "]}"
        tracemalloc.start()
        try:
            assert message_parser.status("ap", text) is None
            head = message_parser.ReportHeader("o1", None)
            report = message_parser.report("ap", text.replace("status", "report"), head, "power")
            assert tracemalloc.get_traced_memory()[1] < 2 * len(text)
        finally:
            tracemalloc.stop()
        assert report.problem is not None
        assert "it has more than " in report.problem.message
