"""A port that anybody can dial: who may stay, and who has to go."""

import asyncio
import socket

import pytest

from secondsite.ground.connection_limits import Limits, Tally, Visitors, ask_for, listen
from secondsite.ground.connection_limits.connection_limits import origin

HOSTILE, FRIENDLY = "192.0.2.66", "192.0.2.1"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Port:
    """A port's visitors with a clock of the test, and the two ends of their connections."""

    def __init__(self, **limits):
        self.clock = Clock()
        self.told: list[tuple[dict[str, int], str]] = []
        tally = Tally(lambda reasons, most_from: self.told.append((dict(reasons), most_from)), self.clock)
        self.visitors = Visitors(Limits(**limits), tally, self.clock)
        self.ends = {}
        self._port = 1000

    def dial(self, host):
        """The peer, or None if it was refused."""
        self._port += 1
        here, there = socket.socketpair()
        there.setblocking(False)
        peer = (host, self._port)
        if not self.visitors.enter(here, peer):
            here.close()
            there.close()
            return None
        self.ends[peer] = here, there
        return peer

    def is_open(self, peer):
        try:
            return self.ends[peer][1].recv(1) != b""
        except BlockingIOError:
            return True

    def close(self, peer):
        here, there = self.ends.pop(peer)
        self.visitors.leave(peer, here)
        here.close()
        there.close()


@pytest.fixture
def port():
    made = []

    def port(**limits):
        made.append(Port(**limits))
        return made[-1]

    yield port
    for each in made:
        for peer in list(each.ends):
            each.close(peer)


def test_where_an_address_has_all_its_connections_its_oldest_stranger_goes(port):
    here = port(per_address=3)
    known, *strangers = [here.dial(HOSTILE) for _ in range(3)]
    here.visitors.know(known)
    newest = here.dial(HOSTILE)
    assert [here.is_open(each) for each in (known, *strangers, newest)] == [True, False, True, True]
    assert here.is_open(here.dial(FRIENDLY))


def test_where_all_of_an_address_are_known_a_new_one_is_refused(port):
    here = port(per_address=2)
    for _ in range(2):
        here.visitors.know(here.dial(FRIENDLY))
    assert here.dial(FRIENDLY) is None
    assert here.dial(HOSTILE) is not None


def test_a_full_port_lets_a_new_one_in_instead_of_the_oldest_stranger(port):
    here = port(most=8, per_address=1)
    known = here.dial(FRIENDLY)
    here.visitors.know(known)
    first = [here.dial(f"198.51.100.{number}") for number in range(7)]
    newest = here.dial("198.51.100.99")
    assert (here.is_open(known), here.is_open(first[0]), here.is_open(first[1])) == (True, False, True)
    assert here.is_open(newest)
    assert here.visitors.many == 8


def test_one_credential_from_many_addresses_does_not_fill_a_port(port):
    """500 streams of one reader's token, from five addresses, kept everybody else out until the vault's
    restart."""
    here = port(most=8, per_address=2, per_credential=3)
    friend = here.dial(FRIENDLY)
    here.visitors.know(friend, "anna")
    for number in range(12):
        peer = here.dial(f"198.51.100.{number // 2}")
        here.visitors.know(peer, "thief")
        here.visitors.know(peer, "thief")
        for cut in [each for each in here.ends if not here.is_open(each)]:
            here.close(cut)
        assert here.is_open(peer)
    assert len(here.ends) == 4
    assert here.is_open(friend)
    assert here.dial("203.0.113.1") is not None


def test_descriptors_that_are_not_closed_yet_count(port):
    here = port(most=8, per_address=1, strangers_per_second=1000)
    entered = [here.dial(f"198.51.100.{number}") for number in range(100)]
    assert len([each for each in entered if each]) <= 8 + 8 / 4 + 1
    here.close(entered[0])
    assert here.dial("203.0.113.1") is not None


def test_a_flood_from_one_address_is_refused_and_another_one_is_not(port):
    here = port(burst=5, per_second=1, per_address=1000)
    assert [here.dial(HOSTILE) is not None for _ in range(7)] == [True] * 5 + [False] * 2
    assert here.dial(FRIENDLY) is not None
    here.clock.now += 2
    assert [here.dial(HOSTILE) is not None for _ in range(3)] == [True, True, False]


def test_a_flood_from_many_addresses_does_not_shut_out_where_somebody_known_came_from(port):
    here = port(burst=50, strangers_per_second=1, most=1000)
    here.visitors.know(here.dial(FRIENDLY))
    entered = [here.dial(f"198.51.{number // 250}.{number % 250}") for number in range(500)]
    assert len([each for each in entered if each]) < 110
    assert here.dial(FRIENDLY) is not None


def test_a_stranger_has_half_a_minute_and_who_is_known_a_minute_between_two_questions(port):
    here = port()
    stranger, idle, busy = here.dial(HOSTILE), here.dial(FRIENDLY), here.dial(FRIENDLY)
    here.visitors.know(idle)
    here.visitors.know(busy)
    with here.visitors.asking(busy), here.visitors.asking(stranger):
        here.clock.now += 31
        here.visitors.look()
        assert [here.is_open(each) for each in (stranger, idle, busy)] == [False, True, True]
        here.clock.now += 31
        here.visitors.look()
        assert [here.is_open(each) for each in (idle, busy)] == [False, True]
    here.clock.now += 59
    here.visitors.look()
    assert here.is_open(busy)


def test_refusals_are_counted_and_told_once_in_ten_seconds(port):
    here = port(burst=1, per_second=0.001)
    for _ in range(1000):
        here.dial(HOSTILE)
        here.visitors.look()
    assert here.told == [({"too-often": 1}, HOSTILE)]
    here.clock.now += 11
    here.visitors.look()
    assert here.told[1:] == [({"too-often": 998}, HOSTILE)]


def test_a_network_of_ipv6_is_one_address():
    assert origin("2001:db8:1:2::1") == origin("2001:db8:1:2:ffff::9") != origin("2001:db8:1:3::1")
    assert origin("::ffff:192.0.2.1") == origin("192.0.2.1")
    assert origin("fe80::1%eth0") == origin("fe80::2")


def test_a_listener_hands_out_only_who_may_come_in_and_hears_when_they_leave():
    visitors = Visitors(Limits(burst=2, per_second=0.001), Tally(lambda *_: None))
    with listen("127.0.0.1", 0, visitors) as listener:
        listener.setblocking(False)
        dialled = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        entered = [listener.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert dialled[2].recv(1) == b""
        assert visitors.many == 2
        for each in (*entered, *dialled):
            each.close()
        assert visitors.many == 0


async def test_what_asyncio_accepts_sends_every_answer_at_once():
    """With Nagle's algorithm on, an answer on a kept connection waits 40 ms for the client's delayed
    acknowledgement."""
    delayed = asyncio.get_running_loop().create_future()

    async def look(_reader, writer):
        accepted = writer.get_extra_info("socket")
        delayed.set_result(not accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = listen("127.0.0.1", 0, Visitors(Limits(), Tally(lambda *_: None)))
    async with await asyncio.start_server(look, sock=listener):
        with socket.create_connection(listener.getsockname()):
            assert await asyncio.wait_for(delayed, 10) is False


def test_a_process_asks_for_as_many_descriptors_as_it_may_have(monkeypatch):
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr("resource.getrlimit", lambda _: limits["now"])
    monkeypatch.setattr("resource.setrlimit", lambda _, to: limits.update(now=to))
    assert ask_for(2000) == 2000
    assert limits["now"] == (2000, 4096)
    assert ask_for(10_000) == 4096
    assert ask_for(100) == 4096
