"""What a cycle makes durable, and what the two sites say to each other: counted, so that neither grows
unnoticed."""

import os
import threading
from collections import Counter

import pytest

from rig.appliances import policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source import idle, loop
from secondsite.datapath.channel import Connection
from secondsite.ground.units import MiB
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow

MOST_FLUSHES = 10
"""The source: its intent and its digests. The target: the cycle's file and its name, twice the record and
its name, the map's entries and its head. Beside them each site's database, and the disk itself."""
ONE_PAGE = 24 + 4096
"""Of the database, in its log."""


def one_cycle(pair):
    """A cycle of one page, without a point, as the loop runs it."""
    before = pair.status().processed_seq
    pair.source.write(pair.fabric_id, 3 * MiB, noise(4096, seed=before))
    replication = pair.source.appliance.replication
    replication.get(pair.machine_id).started = -1e9  # as if the last one were long ago
    replication.poke()
    eventually(lambda: pair.status().processed_seq > before)


def test_a_cycle_flushes_no_more_than_ten_times(pair, monkeypatch):
    pair.protect(policy=policy(cycle_seconds=3600)).synchronized()
    flushed: Counter[str] = Counter()
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, counted(flushed, name, getattr(os, name)))
    one_cycle(pair)
    assert 0 < flushed.total() <= MOST_FLUSHES


def test_a_cycle_soon_after_another_has_three_exchanges_and_does_not_wait_for_the_first_answer(
    pair, monkeypatch
):
    pair.protect(policy=policy(cycle_seconds=3600)).synchronized()
    one_cycle(pair)
    said: list[str] = []
    waited: list[float] = []
    monkeypatch.setattr(Connection, "is_there", lambda _line, seconds: waited.append(seconds))
    send = Connection.send_message

    def noted(connection, name, **fields):
        said.append(name)
        send(connection, name, **fields)

    monkeypatch.setattr(Connection, "send_message", noted)
    one_cycle(pair)
    assert sorted(said) == sorted(["THERE", "HERE", "OFFER", "ACCEPT", "BEGIN", "ACCEPT", "END", "ACK"])
    assert waited == []


def one_word(pair):
    """The loop looks once more; gives nothing until the target knows that the machine wrote nothing."""
    before = pair.status().processed_at
    replication = pair.source.appliance.replication
    replication.get(pair.machine_id).started = -1e9
    replication.poke()
    eventually(lambda: pair.status().processed_at > before)


def test_a_word_of_a_machine_that_rests_is_one_exchange_and_one_page(pair, monkeypatch):
    pair.protect(policy=policy(cycle_seconds=3600)).synchronized()
    one_word(pair)
    eventually(lambda: pair.source.appliance.replication.get(pair.machine_id).rests)
    said: list[str] = []
    send = Connection.send_message

    def noted(connection, name, **fields):
        said.append(name)
        send(connection, name, **fields)

    monkeypatch.setattr(Connection, "send_message", noted)
    log = pair.target.appliance.config.state_file.with_name("appliance.db-wal")
    before = log.stat().st_size
    one_word(pair)
    eventually(lambda: said == ["UNCHANGED", "NOTED"])
    assert log.stat().st_size - before <= ONE_PAGE


def test_one_worker_alone_wakes_for_machines_that_rest(pair, monkeypatch):
    pair.protect().synchronized()
    replication = pair.source.appliance.replication
    eventually(lambda: replication.get(pair.machine_id).rests)
    monkeypatch.setattr(loop, "LONGEST_IDLE_SECONDS", 3600.0)
    looks: list[str] = []
    serve = idle.Rounds.serve

    def counted_serve(rounds, *arguments):
        looks.append(threading.current_thread().name)
        return serve(rounds, *arguments)

    until_processed(pair, now())
    monkeypatch.setattr(idle.Rounds, "serve", counted_serve)
    words = 10
    for _ in range(words):
        until_processed(pair, pair.status().processed_at)
    assert len(looks) <= 2 * words + 4  # it looks again after each


def counted(found, name, function):
    def count(*arguments):
        found[name] += 1
        return function(*arguments)

    return count
