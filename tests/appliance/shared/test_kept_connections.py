"""Connections that wait for the next cycle."""

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import peer_connections
from secondsite.appliance.shared.peer_connections import KeptConnections
from secondsite.datapath.errors import PeerSilent

PEER = "b"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Line:
    """As a connection is to who keeps it."""

    def __init__(self, made_at, between_cycles=True):
        self.made_at, self.between_cycles = made_at, between_cycles
        self.answers_whether_there = self.there = True
        self.said_something = self.closed = self.silent = False
        self.asked = self.waited = 0

    def has_input(self):
        return self.said_something

    def is_there(self, within_seconds):
        self.ask_whether_there(within_seconds)
        self.waited += 1
        if self.silent:
            raise PeerSilent("b was silent for too long", do="")
        return self.there

    def ask_whether_there(self, within_seconds):
        assert within_seconds <= 5
        self.asked += 1

    def close(self):
        self.closed = True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept(clock):
    return KeptConnections(clock)


def test_what_one_cycle_left_carries_the_next_one_of_that_peer_only(kept, clock):
    line = Line(clock.now)
    kept.give(PEER, line)
    assert kept.take("c") is None
    assert kept.take(PEER) is line
    assert kept.take(PEER) is None
    assert not line.closed


def test_one_that_broke_off_in_the_middle_of_a_cycle_is_closed(kept, clock):
    line = Line(clock.now, between_cycles=False)
    kept.give(PEER, line)
    assert line.closed
    assert kept.take(PEER) is None


def test_one_that_the_peer_has_ended_is_not_used(kept, clock):
    older, line = Line(clock.now), Line(clock.now)
    kept.give(PEER, older)
    kept.give(PEER, line)
    line.said_something = True
    assert kept.take(PEER) is older
    assert line.closed


def test_a_peer_that_answered_lately_is_asked_and_not_waited_for(kept, clock):
    line = Line(clock.now)
    kept.give(PEER, line)
    clock.now += peer_connections.LATELY_SECONDS - 1
    assert kept.take(PEER) is line
    assert (line.asked, line.waited) == (1, 0)
    kept.give(PEER, line)
    clock.now += peer_connections.LATELY_SECONDS
    assert kept.take(PEER) is line
    assert (line.asked, line.waited) == (2, 1)


def test_who_gets_an_answer_at_once_anyway_asks_only_after_a_long_rest(kept, clock):
    line = Line(clock.now)
    kept.give(PEER, line)
    clock.now += peer_connections.LATELY_SECONDS - 1
    assert kept.take(PEER, asks=False) is line
    assert line.asked == 0
    kept.give(PEER, line)
    clock.now += peer_connections.LATELY_SECONDS
    assert kept.take(PEER, asks=False) is line
    assert (line.asked, line.waited) == (1, 1)


def test_one_on_which_nobody_answers_is_not_used(kept, clock):
    line = Line(clock.now)
    kept.give(PEER, line)
    line.there = False
    clock.now += peer_connections.LATELY_SECONDS
    assert kept.take(PEER) is None
    assert line.closed


def test_when_the_link_is_down_that_is_found_once_and_not_on_each_of_them(kept, clock):
    lines = [Line(clock.now) for _ in range(3)]
    for line in lines:
        line.silent = True
        kept.give(PEER, line)
    clock.now += peer_connections.LATELY_SECONDS
    with pytest.raises(PeerSilent):
        kept.take(PEER)
    assert all(line.closed for line in lines)
    assert kept.take(PEER) is None


def test_a_peer_of_an_older_release_is_dialled_for_each_cycle(kept, clock):
    line = Line(clock.now)
    line.answers_whether_there = False
    kept.give(PEER, line)
    assert line.closed


def test_one_that_rested_or_lived_for_long_goes(kept, clock):
    rested = Line(clock.now)
    kept.give(PEER, rested)
    clock.now += peer_connections.REST_SECONDS
    assert kept.take(PEER) is None
    old = Line(clock.now - peer_connections.LIFE_SECONDS)
    kept.give(PEER, old)
    assert kept.take(PEER) is None
    assert rested.closed
    assert old.closed


def test_only_a_few_rest(kept, clock):
    lines = [Line(clock.now) for _ in range(peer_connections.MOST_OF_ONE_PEER + 1)]
    for line in lines:
        kept.give(PEER, line)
    assert [line.closed for line in lines] == [False] * (len(lines) - 1) + [True]


def test_when_certificates_change_none_of_before_is_used(kept, clock):
    resting, at_work = Line(clock.now), Line(clock.now)
    kept.give(PEER, resting)
    clock.now += 1
    kept.drop()
    kept.give(PEER, at_work)
    assert resting.closed
    assert at_work.closed
    later = Line(clock.now + 1)
    kept.give(PEER, later)
    assert kept.take(PEER) is later


# -- between two appliances ----------------------------------------------------------------------------


def dialled(site, monkeypatch):
    """Every connection that the site makes from now on."""
    peers, made = site.appliance.peers, []
    connect = peers.connect

    def counted(*asked):
        made.append(asked)
        return connect(*asked)

    monkeypatch.setattr(peers, "connect", counted)
    return made


@pytest.mark.slow
def test_cycles_of_many_machines_go_over_a_few_connections(sites, monkeypatch):
    a, b = sites
    made = dialled(a, monkeypatch)
    pairs = [Pair(a, b, a.make_machine(f"web{n}"), name=f"web{n}").protect() for n in range(5)]
    for number, pair in enumerate(pairs):
        pair.synchronized()
        a.write(pair.fabric_id, 0, noise(4096, seed=number))
        pair.point_now()
    assert len(made) <= a.config.cycles_at_once + 1  # and one for orders


@pytest.mark.slow
def test_a_cycle_dials_anew_when_the_target_was_restarted(pair):
    pair.protect().synchronized()
    pair.target.restart()
    pair.source.write(pair.fabric_id, 0, noise(4096))
    point_id = pair.point_now()
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)


@pytest.mark.slow
def test_a_peer_that_is_no_longer_enrolled_loses_a_connection_that_rests(pair):
    pair.protect().synchronized()
    pair.pause()
    peers = pair.source.appliance.peers
    peer = (pair.target.appliance_id, (pair.target.data_address,))
    resting = eventually(lambda: peers.kept.take(peer))
    peers.kept.give(peer, resting)
    pair.source.appliance.enrolled_peers.set([pair.source.appliance_id], {})
    assert peers.kept.take(peer) is None
