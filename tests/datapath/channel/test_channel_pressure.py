"""What the kernel says about real sockets."""

import contextlib
import socket
import time

from rig.eventually import eventually
from secondsite.datapath.channel.tls import Pressure
from secondsite.ground.units import MiB


def stream():
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    return near, far


def test_a_peer_that_does_not_read_is_not_the_network():
    near, far = stream()
    with near, far:
        near.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                near.send(bytes(MiB))
        pressure = Pressure(near)
        # on a busy host the network takes its time until both buffers are full
        eventually(lambda: (share := pressure.share()) is not None and share < 0.5)


def test_an_idle_stream_is_held_up_by_nobody():
    near, far = stream()
    with near, far:
        pressure = Pressure(near)
        time.sleep(0.05)
        assert pressure.share() == 0.0


def test_a_socket_that_is_no_tcp_tells_nothing():
    near, far = socket.socketpair()
    with near, far:
        assert Pressure(near).share() is None
