"""One appliance in other hands says more than is ever said: the vault stays with the others, and keeps no more of it than of them."""

import json
import time
from threading import Event

import pydantic
import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.vault.gateway import reading
from secondsite.wire import control
from secondsite.wire.common.base import Problem
from secondsite.wire.common.numbers import LONGEST_TEXT
from secondsite.wire.control import orders
from secondsite.wire.control.messages import MOST_MACHINES
from secondsite.wire.control.orders import Kind, Nothing
from secondsite.wire.control.reports import MOST_FACTS_BYTES, facts_of
from tests.support.vault import Dialler

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
    """20,000 took six seconds, and 100,000 two and a half minutes, in the thread that hears all appliances."""
    status = reading.understood("ap", statuses(1000))
    assert isinstance(status, control.Status)
    assert len(status.sources_gone) == 1000
    began = time.process_time()
    assert reading.understood("ap", statuses(MOST_MACHINES)) is None
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
