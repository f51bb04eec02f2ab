"""A target in other hands stays silent, or says what it says letter by letter: the machines of other
targets go on."""

import time

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB
from tests.appliance.support_stalling import Stalling

pytestmark = pytest.mark.slow

IDLE_SECONDS = 1.0


@pytest.fixture
def stalled(make_site, monkeypatch):
    """Site a replicates two machines to h, which stalls from `begin` on, and one to b."""
    a = make_site("a", peer_idle_seconds=IDLE_SECONDS).start()
    b, h = make_site("b").start(), make_site("h").start()
    stalling = Stalling(monkeypatch, at=h.port)
    bad = [Pair(a, h, a.make_machine(name), name=name).protect() for name in ("bad1", "bad2")]
    good = Pair(a, b, a.make_machine("good"), name="good").protect()
    for each in (*bad, good):
        each.synchronized()
    yield stalling, bad, good
    stalling.end()


@pytest.mark.parametrize("word", ["HELLO", "ACCEPT", "ACK", "NOTED"])
def test_a_target_that_speaks_letter_by_letter_holds_up_nobody_elses_machines(stalled, word):
    """It had both workers for as long as it liked."""
    stalling, bad, good = stalled
    stalling.begin(word)
    if word == "HELLO":
        for each in bad:
            each.source.appliance.peers.kept.drop()
    if word != "NOTED":
        for each in bad:
            each.source.write(each.fabric_id, 0, noise(64 * KiB))
    eventually(lambda: stalling.said, 30)
    time.sleep(2 * IDLE_SECONDS)
    for number in range(3):
        seq = good.status().processed_seq
        good.source.write(good.fabric_id, 0, noise(64 * KiB, seed=number))
        eventually(lambda seq=seq: good.status().processed_seq > seq, 10)


def test_a_machine_whose_target_speaks_letter_by_letter_can_be_paused(stalled):
    stalling, bad, _good = stalled
    stalling.begin("ACCEPT")
    for each in bad:
        each.source.write(each.fabric_id, 0, noise(64 * KiB))
    eventually(lambda: stalling.said, 30)
    for each in bad:
        each.pause()
