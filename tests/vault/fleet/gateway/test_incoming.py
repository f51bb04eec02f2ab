"""What appliances say on its way: reports of orders wait for what was said of their own machine, and for
nothing else."""

import threading
from functools import partial

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.vault.fleet.gateway import incoming
from secondsite.vault.fleet.gateway.incoming import MOST_BESIDE, Delivery
from secondsite.vault.interfaces import WriteResult


class Sink:
    """Writes as it is told to, and says that it is behind so often."""

    def __init__(self, behind=0, refused=0, problem=None):
        self.done = []
        self.behind = behind
        self.refused = refused
        self.problem = problem or errors.StoreUnavailable("away")
        self.gate = threading.Event()
        self.gate.set()

    def write(self, first=(), at_most=0):
        self.gate.wait(10)
        self.done.append(("write", tuple(sorted(first)), at_most))
        if self.refused:
            self.refused -= 1
            raise self.problem
        self.behind -= 1
        return WriteResult((f"machine/{len(self.done)}",), self.behind > 0)

    def writes(self):
        return [each for each in self.done if each[0] == "write"]


@pytest.fixture
def started():
    """Begins to deliver; what was posted before is there at once."""
    all_of_them = []

    def start(delivery):
        all_of_them.append(delivery)
        delivery.start()
        return delivery

    yield start
    for each in all_of_them:
        each.close(5)


def test_a_report_is_told_after_the_statuses_of_its_machine_and_before_those_of_all_others(started):
    sink = Sink(behind=10)
    delivery = Delivery(sink.write, lambda _key: None)
    for number in range(5):
        delivery.post("ap", sink.done.append, ("heard", number))
    delivery.post_end("ap", "m7", lambda: sink.done.append(("told",)))
    started(delivery)
    eventually(lambda: len(sink.writes()) == 10)
    assert sink.done[:7] == [
        *(("heard", number) for number in range(5)), ("write", ("m7",), MOST_BESIDE), ("told",),
    ]  # fmt: skip
    assert {first for _, first, _ in sink.writes()[1:]} == {()}, "the others follow"


def test_reports_that_come_while_something_is_written_share_the_next_write(started):
    sink = Sink()
    sink.gate.clear()
    delivery = started(Delivery(sink.write, lambda _key: None))
    told = []
    delivery.post_end("ap", "m0", lambda: told.append("m0"))
    for number in range(1, 40):
        delivery.post("ap", sink.done.append, ("heard", number))
        delivery.post_end("ap", f"m{number}", lambda number=number: told.append(f"m{number}"))
    sink.gate.set()
    eventually(lambda: len(told) == 40)
    assert len(sink.writes()) <= 3
    assert sum(len(first) for _, first, _ in sink.writes()) == 40


def test_statuses_that_come_together_are_written_together(started):
    sink = Sink()
    delivery = Delivery(sink.write, lambda _key: None)
    for number in range(50):
        delivery.post("ap", sink.done.append, ("heard", number))
    started(delivery)
    eventually(lambda: len(sink.done) == 51)
    assert sink.done[-1][:2] == ("write", ())


def test_a_report_waits_until_the_database_answers(started, monkeypatch):
    monkeypatch.setattr(incoming, "AGAIN_SECONDS", 0.01)
    sink = Sink(refused=3)
    delivery = Delivery(sink.write, lambda _key: None)
    delivery.post_end("ap", "m1", lambda: sink.done.append(("told",)))
    started(delivery)
    eventually(lambda: ("told",) in sink.done)
    assert sink.done == [*[("write", ("m1",), MOST_BESIDE)] * 4, ("told",)]


def test_a_report_does_not_wait_for_what_can_never_be_written(started):
    sink = Sink(refused=1, problem=ValueError("no"))
    delivery = Delivery(sink.write, lambda _key: None)
    delivery.post_end("ap", "m1", lambda: sink.done.append(("told",)))
    started(delivery)
    eventually(lambda: ("told",) in sink.done)
    assert len(sink.writes()) == 1


def test_what_no_database_took_before_the_end_is_told_to_nobody():
    sink, told = Sink(refused=9), []
    delivery = Delivery(sink.write, lambda _key: None)
    delivery.post_end("ap", "m1", lambda: told.append("m1"))
    delivery.start()
    delivery.close(5)
    assert told == [], "the appliance reports it again to the next vault"


def test_a_signal_that_must_wait_for_a_commit_holds_up_neither_writes_nor_other_signals(started):
    held, given = threading.Event(), []

    def signal(key):
        if key == "order/slow":
            held.wait(10)
        given.append(key)

    sink = Sink()
    delivery = started(Delivery(sink.write, signal))
    delivery.tell("order/slow")
    for number in range(20):
        delivery.post_end("ap", "m1", lambda number=number: delivery.tell(f"order/{number}"))
    eventually(lambda: {f"order/{number}" for number in range(20)} <= set(given))
    assert "order/slow" not in given
    held.set()
    eventually(lambda: "order/slow" in given)


def test_what_is_posted_is_delivered_before_the_end():
    sink = Sink()
    delivery = Delivery(sink.write, lambda key: sink.done.append(key))
    delivery.start()
    delivery.post("ap", sink.done.append, ("heard", 1))
    delivery.close(5)
    assert [each for each in sink.done if each != "machine/2"] == [("heard", 1), *sink.writes()]
    assert sink.writes(), "what was heard is written"
    assert "machine/2" in sink.done, "and told"


def has_ended(delivery, heard):
    """Whether nothing is heard or told any more, soon after it was closed."""
    eventually(lambda: not any(name.startswith("gateway-") for name in running()))
    count = len(heard)
    delivery.close(0)
    return len(heard) == count


def running():
    return [each.name for each in threading.enumerate()]


def test_a_flood_that_was_posted_does_not_outlive_the_end():
    """The database had been closed meanwhile, and each thing said opened it again."""
    gate, heard = threading.Event(), []

    def hear(number):
        heard.append(number)
        gate.wait(0.05)

    delivery = Delivery(Sink().write, lambda _key: None)
    for number in range(1000):
        delivery.post("ap", hear, number)
    delivery.start()
    delivery.close(0.2)
    assert has_ended(delivery, heard)
    assert 0 < len(heard) < 1000


def test_signals_that_wait_do_not_outlive_the_end():
    gate, given = threading.Event(), []

    def signal(key):
        given.append(key)
        gate.wait(0.05)

    delivery = Delivery(Sink().write, signal)
    for number in range(2000):
        delivery.tell(f"order/{number}")
    delivery.start()
    delivery.close(0.2)
    assert has_ended(delivery, given)
    assert 0 < len(given) < 2000


@pytest.fixture
def long_rests(monkeypatch):
    monkeypatch.setattr(incoming, "REST", 1e9)
    monkeypatch.setattr(incoming, "LONGEST_REST_SECONDS", 600.0)


def test_after_reports_of_several_orders_the_next_ones_wait_for_each_other(started, long_rests):
    sink = Sink()
    delivery = Delivery(sink.write, lambda _key: None)
    told: list[str] = []
    for name in ("m1", "m2"):
        delivery.post_end("ap", name, partial(told.append, name))
    started(delivery)
    eventually(lambda: told == ["m1", "m2"])
    for name in ("m3", "m4"):
        delivery.post_end("ap", name, partial(told.append, name))
        delivery.post("ap", sink.done.append, ("heard", name))
    eventually(lambda: ("heard", "m4") in sink.done)
    assert len(sink.writes()) == 1
    delivery.close(10)
    assert [first for _, first, _ in sink.writes()] == [("m1", "m2"), ("m3", "m4")]
    assert told == ["m1", "m2", "m3", "m4"]


def test_reports_that_come_one_by_one_wait_for_nobody(started, long_rests):
    sink = Sink()
    delivery = started(Delivery(sink.write, lambda _key: None))
    told = []
    for number in range(5):
        delivery.post_end("ap", f"m{number}", lambda number=number: told.append(number))
        eventually(lambda number=number: number in told)
    assert len(sink.writes()) == 5
