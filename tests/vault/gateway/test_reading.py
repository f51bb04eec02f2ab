"""A status is read when it is heard, and waits as text until then."""

import threading

import pytest

from rig.eventually import eventually
from secondsite.vault.gateway import greeting, reading
from secondsite.wire import control
from tests.support.vault import Dialler, machine, source_status


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (control.Status().model_dump_json(), True),
        ('{ "type": "status", "sources": []}', True),
        ('{"sources": [], "type": "status"}', False),
        (control.Report(order_id="status").model_dump_json(), False),
        (control.Status().model_dump_json().encode(), False),
        ("", False),
    ],
)
def test_a_status_shows_by_its_beginning(text, is_one):
    assert reading.is_status(text) is is_one


@pytest.mark.parametrize(
    ("letter", "each"), [("x", 1), ("\N{CYRILLIC SMALL LETTER ZHE}", 2), ("\N{GRINNING FACE}", 4)]
)
def test_what_waits_counts_for_the_memory_that_it_takes(letter, each):
    text = control.Status().model_dump_json() + 100_000 * " " + letter
    assert len(text) * each <= reading.held_bytes(text) < len(text) * each + 200
    assert reading.held_bytes(text.encode()) < len(text) + 200


@pytest.mark.parametrize("as_sent", [str, str.encode])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\\\x00", "\\\ufffd"),
        ("\\u0000", "\\u0000"),
        ("\\\\u0000", "\\\\u0000"),
        ("", ""),
    ],
)
def test_what_postgresql_cannot_keep_of_a_text_does_not_come_in(said, kept, as_sent):
    """A report with such a sentence failed the step that it was the end of."""
    text = control.Report(order_id="o1", sentence=said, facts={"banner": [said]}).model_dump_json()
    message = reading.understood("ap", as_sent(text))
    assert isinstance(message, control.Report)
    assert (message.sentence, message.facts) == (kept, {"banner": [kept]})


def test_the_same_of_a_status_of_which_something_is_malformed():
    status = control.Status(sources=(source_status(power="a\x00b"), source_status()))
    text = status.model_dump_json().replace('"running":true', '"running":"odd"', 1)
    message = reading.understood("ap", text)
    assert isinstance(message, control.Status)
    assert "\x00" not in str(message)


def test_what_is_no_text_at_all_is_not_understood():
    assert reading.understood("ap", b'{"type":"report","order_id":"\xff\\u0000"}') is None


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["as usual", "otherwise"])
def test_the_networks_thread_does_not_read_statuses_that_wait(vault, monkeypatch, begins):
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    read_by: list[str] = []
    parse = greeting.parse

    def noted(text):
        read_by.append(threading.current_thread().name)
        return parse(text)

    monkeypatch.setattr(reading, "parse", noted)
    said = control.Status(sources=(source_status(last_seq=4),)).model_dump_json()
    if begins == "otherwise":
        said = '{"sources"' + said.partition('"sources"')[2].removesuffix("}") + ',"type":"status"}'
    with Dialler(source) as dialler:
        dialler.socket.send(said)

        def stored():
            with vault.store.reading() as tx:
                source = tx.statuses.get("m1").source
            return source and source.last_seq

        assert eventually(stored) == 4
    # one that begins otherwise is read to know what it is, and again when it is heard
    assert read_by == (["gateway-facts"] if begins == "as usual" else ["control-port", "gateway-facts"])
