"""A connection that is kept answers at once."""

import contextlib
import http.client
import socket
import ssl
import statistics
import struct
import time
from urllib.parse import urlsplit

import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB
from tests.support.vault_process import PROGRAM

pytestmark = pytest.mark.slow

CUT = 80
RESET = struct.pack("ii", 1, 0)
REQUESTS = 50
MOST_SECONDS = 0.020
"""Far more than an answer takes, and half of what it takes when it waits for a delayed acknowledgement."""


def seconds_of_each(url, ca, path, headers):
    """How long each of many requests took that followed each other on one connection."""
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection(place.hostname, place.port, context=context, timeout=10)
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        took.append(time.perf_counter() - began)
    connection.close()
    return took


def test_a_kept_connection_answers_a_small_request_in_milliseconds(made, start, record_property):
    headers = {"Authorization": f"Bearer {made.token}"}
    median = statistics.median(seconds_of_each(start().url, made.ca_file, "/api/vault", headers))
    record_property("median_milliseconds", round(1000 * median, 2))
    assert median < MOST_SECONDS


def is_cut(url, ca, token):
    """With a reset, after its first answer; no for a connection that was refused, because too many came."""
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=str(ca))
    with contextlib.closing(http.client.HTTPSConnection(place.hostname, place.port, context=context)) as one:
        try:
            one.request("GET", "/api/vault", headers={"Authorization": f"Bearer {token}"})
            found = one.getresponse().read()
            one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return bool(found)
        except OSError:
            return False


def test_connections_that_were_cut_leave_nothing_to_the_garbage_collector(made, start):
    """Each has 256 KiB for TLS."""
    process, held = start(program=f"import gc; gc.disable(); {PROGRAM}"), []
    for _ in range(CUT):
        eventually(lambda: is_cut(process.url, made.ca_file, made.token))
        held.append(process.memory_bytes())
    assert held[-1] - held[CUT // 4] < CUT // 2 * 100 * KiB
