"""Whoever takes what a way brings may be slow, but not stand still."""

import contextlib
import socket
import time

import pytest

from secondsite.appliance.shared.way_dialling import end_unless_taken

SECONDS = 3.0
A_LITTLE = 6_000


@pytest.fixture
def ends():
    """The sending end, and the one that takes."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        with socket.create_connection(door.getsockname()) as sending, door.accept()[0] as taking:
            end_unless_taken(sending, SECONDS)
            sending.settimeout(0.1)
            yield sending, taking


def fill(sending):
    """Send until there is room for nothing more now."""
    with contextlib.suppress(TimeoutError):
        while True:
            sending.send(bytes(30_000))


@pytest.mark.slow
def test_who_takes_little_by_little_is_not_cut_off(ends):
    sending, taking = ends
    ends_at = time.monotonic() + 3 * SECONDS
    while time.monotonic() < ends_at:
        fill(sending)
        assert taking.recv(A_LITTLE)


@pytest.mark.slow
def test_who_takes_nothing_is_cut_off(ends):
    sending, _taking = ends
    ends_at = time.monotonic() + 60
    with pytest.raises(ConnectionError):
        while time.monotonic() < ends_at:
            fill(sending)
