"""A status is read when it is heard, and waits as text until then."""

import threading
import tracemalloc

import pytest

from rig.eventually import eventually
from secondsite.ground.units import MiB
from secondsite.vault.fleet.gateway import greeting, message_parser
from secondsite.wire import control
from tests.support.vault import Dialler, machine, source_status


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (control.Status().model_dump_json(), True),
        ('{ "type": "status", "sources": []}', True),
        ('{"sources": [], "type": "status"}', False),
        (control.Report(order_id="status").model_dump_json(), False),
        ('{"type":"status"}', True),
        ('{"type":"statuses"}', False),
        ("", False),
    ],
)
def test_a_status_shows_by_its_beginning(text, is_one):
    assert message_parser.is_status(text) is is_one


@pytest.mark.parametrize(
    ("letter", "each"), [("x", 1), ("\N{CYRILLIC SMALL LETTER ZHE}", 2), ("\N{GRINNING FACE}", 4)]
)
def test_what_waits_counts_for_the_memory_that_it_takes(letter, each):
    text = control.Status().model_dump_json() + 100_000 * " " + letter
    assert len(text) * each <= message_parser.held_bytes(text) < len(text) * each + 200


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (control.Report(order_id="7/2/1/power", machine_id="m1").model_dump_json(), ("7/2/1/power", "m1")),
        (control.Report(order_id="o1").model_dump_json(indent=1), ("o1", None)),
        ('{"order_id": "o1", "type": "report"}', None),
        ('{"type":"report","order_id":"' + "x" * 301 + '"}', None),
        (control.Status().model_dump_json(), None),
    ],
)
def test_a_reports_order_shows_by_its_beginning(text, head):
    assert message_parser.heading(text) == head


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\\\x00", "\\\ufffd"),
        ("\\u0000", "\\u0000"),
        ("\\\\u0000", "\\\\u0000"),
        ('\\\\\x00"\\\x00', '\\\\\ufffd"\\\ufffd'),
        ("", ""),
    ],
)
def test_what_postgresql_cannot_keep_of_a_text_does_not_come_in(said, kept):
    """A report with such a sentence failed the step that it was the end of."""
    text = control.Report(order_id="o1", sentence=said, facts={"banner": [said]}).model_dump_json()
    message = message_parser.report("ap", text, message_parser.ReportHeader("o1", None), "power")
    assert (message.sentence, message.facts) == (kept, {"banner": [kept]})


def test_the_same_of_a_status_of_which_something_is_malformed():
    status = control.Status(sources=(source_status(power="a\x00b"), source_status()))
    text = status.model_dump_json().replace('"running":true', '"running":"odd"', 1)
    message = message_parser.status("ap", text)
    assert message is not None
    assert "\x00" not in str(message)


def test_a_text_of_backslashes_takes_no_more_than_some_times_its_size():
    """It took 70 bytes for each: a message of 32 MiB would have taken two gigabytes."""
    text = '{"a":"' + r"\\" * MiB + r"\u0000" + '"}'
    tracemalloc.start()
    try:
        assert greeting.kept(text).endswith(r"\\\ufffd" + '"}')
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["as usual", "otherwise", "otherwise, and is long"])
def test_the_networks_thread_does_not_read_statuses_that_wait(vault, monkeypatch, begins):
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    read_by: list[str] = []
    parse = greeting.parse

    def noted(text):
        read_by.append(threading.current_thread().name)
        return parse(text)

    monkeypatch.setattr(message_parser, "parse", noted)
    said = control.Status(sources=(source_status(last_seq=4),)).model_dump_json()
    if begins != "as usual":
        said = '{"sources"' + said.partition('"sources"')[2].removesuffix("}") + ',"type":"status"}'
    if begins == "otherwise, and is long":
        said += message_parser.SHORT * " "
    with Dialler(source) as dialler:
        dialler.socket.send(said)

        def stored():
            with vault.store.reading() as tx:
                source = tx.statuses.get("m1").source
            return source and source.last_seq

        assert eventually(stored) == 4
    # a short one that begins otherwise is read to know what it is, and again when it is heard
    assert read_by == (["control-port", "gateway-facts"] if begins == "otherwise" else ["gateway-facts"])
