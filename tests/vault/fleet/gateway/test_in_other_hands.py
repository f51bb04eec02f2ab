"""One appliance in other hands says more than is ever said: the vault stays with the others, and keeps no
more of it than of them."""

import json
import threading
import time
from threading import Event

import pydantic
import pytest
from structlog.testing import capture_logs

from rig.eventually import eventually
from secondsite.appliance.control.status_parts import News
from secondsite.domain import errors
from secondsite.vault.fleet.gateway import greeting, message_parser
from secondsite.wire import control
from secondsite.wire.common.base import Problem
from secondsite.wire.common.machines import DiscoveredMachine, DiskDefinition
from secondsite.wire.common.numbers import LONGEST_TEXT
from secondsite.wire.control import orders
from secondsite.wire.control.messages import MOST_MACHINES
from secondsite.wire.control.orders import Kind, Nothing
from secondsite.wire.control.reports import MOST_FACTS_BYTES, facts_of
from secondsite.wire.control.statuses import MOST_POINTS
from tests.support.vault import NOW, Dialler, definition, point, replica_status, source_status

pytestmark = pytest.mark.always

LONG, OFTEN = "x" * 2_000_000, 100


def statuses(number):
    """Each malformed, and another one."""
    return (
        control.Status()
        .model_dump_json()
        .replace(
            '"sources":[]', f'"sources":{json.dumps([{"machine_id": f"m{each}"} for each in range(number)])}'
        )
    )


def test_of_many_malformed_machines_each_is_looked_at_once():
    """20,000 took six seconds, and 100,000 two and a half minutes, in the thread that hears all
    appliances."""
    status = message_parser.status("ap", statuses(1000))
    assert status is not None
    assert len(status.sources_gone) == 1000
    began = time.process_time()
    assert message_parser.status("ap", statuses(MOST_MACHINES)) is None
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "said",
    [
        {"type": "status", "sources": [0] * 100_000},
        {"type": "status", "replicas_gone": [0] * 100_000},
        {"type": "status", "generations": dict.fromkeys(map(str, range(100_000)), -1)},
        {"type": "status", "replicas": [{"machine_id": "m", "points": [0] * 100_000}]},
        {"type": "hello", "notes": [0] * 100_000},
    ],
)
def test_of_a_message_in_which_all_is_wrong_the_first_thing_is_told(said):
    """A mebibyte of zeros made 170 MiB of complaints, and took half a gigabyte."""
    with pytest.raises(pydantic.ValidationError) as refused:
        control.parse(json.dumps(said))
    assert refused.value.error_count() < 10


def test_sentences_and_problems_are_cut_and_facts_have_a_size():
    problem = Problem(code="internal", message=LONG, do=LONG)
    report = control.parse(control.Report(order_id="o", sentence=LONG, problem=problem).model_dump_json())
    assert isinstance(report, control.Report)
    assert report.problem is not None
    assert {len(each) for each in (report.sentence, report.problem.message, report.problem.do)} == {
        LONGEST_TEXT
    }
    large = control.Report(order_id="o", facts={"power": "x" * MOST_FACTS_BYTES})
    with pytest.raises(errors.InvalidArgument, match="more than 4 MiB are not taken"):
        facts_of(orders.POWER, large)


@pytest.mark.slow
def test_what_it_floods_the_vault_with_keeps_no_other_from_being_heard(vault, monkeypatch):
    """It was heard first what was said first: for minutes nobody else."""
    odd, other = vault.enroll("a"), vault.enroll("b")
    port, gate, missed = vault.running.control, Event(), []

    def hear(by):
        gate.wait(60)
        time.sleep(0.02)
        missed.append(by)

    monkeypatch.setattr(vault.running.facts, "missed", hear)
    with Dialler(odd) as hostile, Dialler(other) as honest:
        for _ in range(OFTEN):
            hostile.socket.send('{"type":"status","sources":7}')
        port.ask(other.id, "o1", Kind.DISCOVER, None, Nothing(), 5)
        eventually(lambda: honest.orders)
        honest.report("o1", sentence="found 3 machines")
        honest.say(control.Progress(order_id="o1", fraction=1.0, sentence="is heard at once"))
        eventually(lambda: port.progress("o1"))
        gate.set()
        assert eventually(lambda: port.awaited("o1", 30), within_seconds=60)
        assert len(missed) < OFTEN / 2


@pytest.mark.slow
def test_its_greeting_is_short(vault):
    identity = vault.enroll("a")
    with Dialler(identity, hello=identity.hello(notes=("x" * 4000,) * 30)) as dialler:
        assert isinstance(dialler.greeting, control.Refusal)


def long_report(order_id):
    return control.Report(order_id=order_id, facts={"x": ["y"] * 10_000}).model_dump_json()


@pytest.mark.slow
def test_the_networks_thread_reads_nothing_long_and_nobody_reads_what_was_not_asked_for(vault, monkeypatch):
    """A status that began otherwise, and a report that nobody had asked for, were read there, whatever
    their length: all appliances were thrown off."""
    read: list[tuple[str, int]] = []
    parse = greeting.parse

    def noted(text):
        read.append((threading.current_thread().name, len(text)))
        return parse(text)

    odd = vault.enroll("a")
    port = vault.running.control
    long = {
        "a status that begins otherwise": '{"sources":[],"type":"status","x":"' + LONG + '"}',
        "a report of no order": '{"type":"report","x":"' + LONG + '","order_id":"o1"}',
        "a renewal": '{"type":"renew","csr_pem":"' + LONG + '"}',
        "what is no message": LONG,
    }
    with Dialler(odd) as hostile:
        monkeypatch.setattr(message_parser, "parse", noted)
        for said in long.values():
            hostile.socket.send(said)
        hostile.socket.send(long_report("o1") + " " * 7)
        port.ask(odd.id, "o2", Kind.DISCOVER, None, Nothing(), 5)
        eventually(lambda: hostile.orders)
        hostile.socket.send(long_report("o2"))
        assert eventually(lambda: port.awaited("o2", 30)).facts
    assert read
    assert [each for each in read if each[0] == "control-port" and each[1] > message_parser.SHORT] == []
    assert len(long_report("o1")) + 7 not in [length for _, length in read]


@pytest.mark.slow
def test_an_answer_that_is_longer_than_its_kind_is_not_read_and_its_step_hears_that(vault):
    odd = vault.enroll("a")
    port = vault.running.control
    with Dialler(odd) as hostile:
        for order_id, kind in (("o1", Kind.POWER), ("o2", Kind.DISCOVER)):
            port.ask(odd.id, order_id, kind, None, Nothing(), 5)
            hostile.say(control.Report(order_id=order_id, facts={"x": "y" * 2 * MOST_FACTS_BYTES}))
        short = eventually(lambda: port.awaited("o1", 30))
        assert short.problem is not None
        assert "it has more than 4160 KiB" in short.problem.message
        assert eventually(lambda: port.awaited("o2", 30)).facts


@pytest.mark.slow
@pytest.mark.parametrize("said", [b'{"type":"status","sources":[]}', b"\xff"])
def test_what_is_no_text_ends_the_connection_unread(vault, said):
    with Dialler(vault.enroll("a")) as hostile:
        hostile.socket.send(said)
        assert eventually(lambda: hostile.ended)


@pytest.mark.slow
@pytest.mark.parametrize("said", ['{"type":"again"}', '{"type":"x"}', '{"type":"status","sources":[{}]}'])
def test_of_a_flood_one_line_is_logged(vault, said):
    odd = vault.enroll("a")
    port = vault.running.control
    with capture_logs() as logs, Dialler(odd) as hostile:
        for _ in range(300):
            hostile.socket.send(said)
        port.ask(odd.id, "o1", Kind.DISCOVER, None, Nothing(), 5)
        eventually(lambda: hostile.orders)
        hostile.report("o1")
        eventually(lambda: port.awaited("o1", 30), within_seconds=60)
    told = [each for each in logs if each.get("appliance") == odd.id and each["event"] != "appliance.lost"]
    assert len([each for each in told if each["event"].startswith(("message.", "status."))]) == 1


class Silent:
    def warning(self, event, **said):
        pytest.fail(f"{event}: {said}")


def test_the_longest_that_honest_appliances_say_is_understood():
    sources = tuple(source_status(f"m{each}", last_seq=each, sent_at=NOW) for each in range(20_000))
    said = control.Status(sources=sources).model_dump_json()
    status = message_parser.status("ap", said, Silent())
    assert status is not None
    assert len(status.sources) == 20_000
    news = News(True)
    for each in range(20):
        news.of(None, replica_status(f"m{each}", points=tuple(map(point, range(1000)))))
    news.of(None, replica_status("large", points=tuple(point(each) for each in range(MOST_POINTS))))
    for part in news.parts:
        assert message_parser.status("ap", control.Status(**part).model_dump_json(), Silent()) is not None


def test_a_site_of_thousands_of_machines_is_discovered():
    disks = tuple(DiskDefinition(key=f"vd{each}", size_bytes=2**40) for each in "abcdefgh")
    made = definition().model_copy(update={"disks": disks})
    machine = DiscoveredMachine(fabric_id="f", name="web", power="running", tag=None, definition=made)
    found = orders.Inventory(machines=(machine,) * 5000, networks=())
    text = control.Report(order_id="o1", facts=found.model_dump(mode="json")).model_dump_json()
    report = message_parser.report(
        "ap", text, message_parser.ReportHeader("o1", None), Kind.DISCOVER, Silent()
    )
    assert len(facts_of(orders.DISCOVER, report).machines) == 5000
