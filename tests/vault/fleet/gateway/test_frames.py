"""Frames that no message is made of: pings, pongs, and what comes before a greeting."""

import contextlib
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from rig.eventually import eventually
from secondsite.vault.fleet.gateway import link
from secondsite.wire import control
from secondsite.wire.control.orders import Kind, Nothing
from tests.support.vault import Dialler

pytestmark = pytest.mark.slow

FLOOD_SECONDS = 20.0


def flooded(socket, say):
    """Says it again and again; whether the vault ended the connection."""
    ends_at = time.monotonic() + FLOOD_SECONDS
    with contextlib.suppress(ConnectionClosed):
        while time.monotonic() < ends_at:
            say(socket)
        return False
    return True


@pytest.mark.parametrize("say", [lambda socket: socket.ping(), lambda socket: socket.pong(b"")])
def test_an_appliance_that_says_nothing_but_pings_or_pongs_is_ended(vault, say):
    """Nobody was charged for them: eight such connections kept every order from every other appliance for
    seconds, and pings whose answers were not read took 5 MB of memory a second."""
    odd, honest = vault.enroll("a"), vault.enroll("b")
    with Dialler(odd) as hostile, Dialler(honest) as other:
        assert flooded(hostile.socket, say)
        vault.running.control.ask(honest.id, "o1", Kind.DISCOVER, None, Nothing(), 5)
        eventually(lambda: other.orders)


def test_one_that_does_not_greet_may_not_say_much_else(vault):
    identity = vault.enroll("a")
    with connect(identity.url, ssl=identity.context(), proxy=None, close_timeout=1) as socket:
        assert flooded(socket, lambda each: each.send("", text=True))


def test_one_that_has_much_to_say_and_is_pinged_often_stays(vault):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        for number in range(4 * int(link.AT_ONCE)):
            dialler.say(control.Status(unsaid="x" * (3 * link.PIECE_BYTES) if not number % 50 else ""))
            if not number % 8:
                dialler.socket.ping()
        vault.running.control.ask(identity.id, "o1", Kind.DISCOVER, None, Nothing(), 5)
        eventually(lambda: dialler.orders)
        assert not dialler.ended
