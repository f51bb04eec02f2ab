"""Who dials too often is kept out by the kernel, for a while, and nobody else is."""

import itertools
import socket

import pytest

from secondsite.ground.connection_limits import Limits, Tally, Visitors, barrier, listen

HOSTILE, FRIENDLY = "127.0.1.1", "127.0.1.2"
PATIENCE_SECONDS = 0.3
"""For a handshake with a kernel that does not answer."""


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Port:
    """A real port, and whoever dials it. Time is the test's."""

    def __init__(self, host, **limits):
        self.clock = Clock()
        self.visitors = Visitors(Limits(**limits), Tally(lambda *_: None), self.clock)
        self.listening = listen(host, 0, self.visitors)
        self.listening.setblocking(False)
        self.ends = []

    def dial(self, source):
        """Both ends; None if it was not let in, the text if the kernel did not answer."""
        end = socket.create_connection(
            self.listening.getsockname()[:2], PATIENCE_SECONDS, source_address=(source, 0)
        )
        self.ends.append(end)
        try:
            here, _ = self.listening.accept()
        except BlockingIOError:
            return None
        self.ends.append(here)
        return end, here

    def is_answered(self, source):
        try:
            self.dial(source)
        except TimeoutError:
            return False
        return True

    def flood(self, source):
        for _ in range(barrier.REFUSALS):
            assert self.dial(source) is None
        self.visitors.look()

    def passes(self, seconds):
        self.clock.now += seconds
        self.visitors.look()

    def close(self):
        for each in (*self.ends, self.listening):
            each.close()


@pytest.fixture
def port():
    made = []

    def port(host="127.0.0.1", **limits):
        made.append(Port(host, **limits))
        return made[-1]

    yield port
    for each in made:
        each.close()


def test_an_address_that_floods_is_not_even_answered_and_all_others_are(port):
    here = port(burst=1, per_second=0.001)
    assert here.dial(HOSTILE)
    here.flood(HOSTILE)
    assert not here.is_answered(HOSTILE)
    assert here.dial(FRIENDLY)


def test_one_that_was_kept_out_a_short_while_ago_gets_less_patience(port):
    here = port(burst=1, per_second=0.001)
    here.dial(HOSTILE)
    here.flood(HOSTILE)
    here.passes(barrier.FIRST_SECONDS * (1 + barrier.SPREAD) + 1)
    for _ in range(barrier.REFUSALS_AGAIN):
        assert here.is_answered(HOSTILE)
    here.visitors.look()
    assert not here.is_answered(HOSTILE)


def test_what_was_accepted_before_goes_on(port):
    here = port(burst=1, per_second=0.001)
    end, accepted = here.dial(HOSTILE)
    here.flood(HOSTILE)
    end.sendall(b"hello")
    accepted.settimeout(5)
    assert accepted.recv(5) == b"hello"
    accepted.sendall(b"and back")
    assert end.recv(8) == b"and back"


def test_its_time_ends_and_the_next_one_is_twice_as_long_up_to_a_minute(port):
    here = port(burst=1, per_second=0.001)
    here.dial(HOSTILE)
    seen = []
    for _ in range(5):
        here.flood(HOSTILE)
        seen.append(next(second for second in itertools.count(1) if _is_in(here)))
    for seconds, at_least in zip(seen, [10, 20, 40, 60, 60], strict=True):
        assert at_least <= seconds <= at_least * (1 + barrier.SPREAD) + 1
    assert here.is_answered(HOSTILE)


def _is_in(here):
    here.passes(1)
    return not here.visitors.barrier.kept_out


def test_it_is_forgotten_once_it_kept_quiet(port):
    here = port(burst=1, per_second=0.001)
    here.dial(HOSTILE)
    here.flood(HOSTILE)
    here.passes(barrier.FIRST_SECONDS * (1 + barrier.SPREAD) + barrier.LONGEST_SECONDS + 1)
    assert not here.visitors.barrier.suspects(HOSTILE)


def test_an_address_from_which_somebody_known_came_is_never_kept_out(port):
    here = port(burst=1, per_second=0.001, trusted_per_second=1)
    _, accepted = here.dial(HOSTILE)
    here.visitors.know(accepted.getpeername())
    here.dial(HOSTILE)
    here.flood(HOSTILE)
    assert here.is_answered(HOSTILE)


def test_who_becomes_known_while_being_kept_out_is_let_in(port):
    here = port(burst=1, per_second=0.001)
    _, accepted = here.dial(HOSTILE)
    here.flood(HOSTILE)
    here.visitors.know(accepted.getpeername())
    here.visitors.look()
    assert here.is_answered(HOSTILE)


def test_addresses_together_that_are_too_many_are_not_blamed_one_by_one(port):
    here = port(strangers_per_second=1, burst=1000)
    assert here.dial(FRIENDLY)
    here.flood(HOSTILE)
    assert here.is_answered(HOSTILE)


def test_with_ipv6_a_network_is_kept_out(port):
    here = port("::1", burst=1, per_second=0.001)
    assert here.dial("::1")
    here.flood("::1")
    assert not here.is_answered("::1")


@pytest.mark.parametrize("network", ["::/64", "0:0:0:1::/64", "1::/64"])
def test_an_ipv6_network_is_compared_whole(port, network):
    here = port("::1")
    here.visitors.barrier.enforce(frozenset({network, "127.0.0.1"}))
    assert here.is_answered("::1") == (network != "::/64")


@pytest.mark.parametrize("version", [4, 6])
def test_as_many_as_there_may_be_fit_the_kernels_filter(port, version):
    many = {f"198.51.{n // 250}.{n % 250}" if version == 4 else f"2001:db8:0:{n:x}::/64" for n in range(barrier.MOST - 1)}  # fmt: skip  # noqa: E501
    last = {4: "127.0.0.1", 6: "::/64"}[version]
    here = port({4: "127.0.0.1", 6: "::1"}[version])
    here.visitors.barrier.enforce(frozenset(many))
    source = here.listening.getsockname()[0]
    assert here.is_answered(source)
    here.visitors.barrier.enforce(frozenset({*many, last}))
    assert not here.is_answered(source)


def test_of_a_botnet_no_more_are_kept_out_than_the_filter_holds(port):
    here = port()
    for number in range(2 * barrier.MOST):
        for _ in range(barrier.REFUSALS):
            here.visitors.barrier.count(f"203.0.{number // 250}.{number % 250}")
    here.visitors.look()
    assert len(here.visitors.barrier.kept_out) == barrier.MOST
