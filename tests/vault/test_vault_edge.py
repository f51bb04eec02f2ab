"""A vault that strangers attack goes on to answer those who are known, and does not fill its host."""

import contextlib
import json
import re
import resource
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rig.eventually import eventually
from secondsite.entry.logs import MOST_LINES
from secondsite.ground.units import KiB, MiB
from tests.support.vault import Dialler, Identity, request_for

pytestmark = pytest.mark.slow

HOSTILE = "127.0.0.2"
HURRIED = """
import functools, pathlib, sys
from secondsite.api import bodies, guard
from secondsite.entry import vault_main, vault_wiring
bodies.BODY_SECONDS = guard.SEND_SECONDS = 1.0
vault_wiring.Limits = functools.partial(vault_wiring.Limits, stranger_seconds=1.0)
vault_main.run(pathlib.Path(sys.argv[1]))
"""
"""A vault that has little patience."""


@pytest.fixture
def dial():
    """Connects to a port from a hostile address, with or without TLS; gives the socket."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.ExitStack() as opened:

        def dial(port, tls=True, takes_bytes=MiB):
            plain = opened.enter_context(socket.socket())
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes_bytes)
            plain.settimeout(10)
            plain.bind((HOSTILE, 0))
            plain.connect(("127.0.0.1", port))
            made = context.wrap_socket(plain, suppress_ragged_eofs=True) if tls else plain
            return opened.enter_context(made)

        yield dial


@contextlib.contextmanager
def few_descriptors():
    """Processes begin with few, as a service does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def port_of(vault):
    return urlsplit(vault.url).port


def control_port_of(vault):
    events = [json.loads(line) for line in vault.log.read_text().splitlines()]
    return next(each["control_port"] for each in events if each["event"] == "vault.started")


def enrolled(vault, token, folder):
    vault.post("/sites", token, {"name": "a"})
    key = vault.post("/sites/a/registration-key", token, {})["key"]
    private, csr = request_for("one")
    answer = vault.post("/enroll", token, {"key": key, "name": "one", "csr_pem": csr})
    answer["control_url"] = f"wss://127.0.0.1:{control_port_of(vault)}"
    return Identity(folder, answer, private)


def has_ended(connection):
    connection.settimeout(0.01)
    try:
        return connection.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_idle_connections_to_both_ports_starve_neither(made, start, dial, tmp_path):
    with few_descriptors():
        vault = start()
    identity = enrolled(vault, made.token, tmp_path / "identity")
    hostile = []
    for port in (port_of(vault), control_port_of(vault)):
        for number in range(300):
            with contextlib.suppress(OSError):
                hostile.append(dial(port, tls=number % 20 == 0))
    assert vault.get("/machines", made.token)["items"] == []
    with Dialler(identity):
        eventually(lambda: vault.get("/appliances", made.token)[0]["connected"])
    assert len([each for each in hostile if not has_ended(each)]) <= 200
    assert vault.log.stat().st_size < 20_000
    assert "visitors.refused" in vault.log.read_text()


def test_a_vault_asks_for_the_descriptors_that_it_needs(made, start):
    with few_descriptors():
        vault = start()
    limits = Path(f"/proc/{vault.process.pid}/limits").read_text()
    ((soft, hard),) = re.findall(r"Max open files\s+(\d+)\s+(\d+)", limits)
    assert int(soft) >= min(1756, int(hard))


def test_a_strangers_body_costs_the_vault_nothing(made, start, dial):
    vault = start()
    before = vault.memory_bytes()
    for head in (b"Content-Length: 67108864", b"Transfer-Encoding: chunked"):
        hostile = dial(port_of(vault))
        hostile.sendall(b"POST /api/sites HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
        answer = hostile.recv(4096)
        assert answer.startswith(b"HTTP/1.1 401 "), answer
        with contextlib.suppress(OSError):
            for _ in range(64):
                hostile.sendall(b"%x\r\n" % MiB + b"[" * MiB + b"\r\n")
            pytest.fail("the vault took all of it")
    assert vault.memory_bytes() - before < 30 * MiB


def test_whoever_is_slow_is_cut_off(made, start, dial):
    vault = start(HURRIED)
    port, token = port_of(vault), made.token.encode()
    silent = dial(port, tls=False)
    idle = dial(port)
    half_a_header = dial(port)
    half_a_header.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\nX: ")
    half_a_body = dial(port)
    head = (
        b"POST /api/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        + token
        + b"\r\nContent-Length: 100\r\n\r\n{"
    )
    half_a_body.sendall(head)
    control = dial(control_port_of(vault), tls=False)
    began = time.monotonic()
    assert half_a_body.recv(4096).startswith(b"HTTP/1.1 408 ")
    slow = [silent, idle, half_a_header, half_a_body, control]
    eventually(lambda: all(has_ended(each) for each in slow))
    assert time.monotonic() - began < 10
    assert vault.get("/machines", made.token)["items"] == []


def test_whoever_asks_and_does_not_read_is_cut_off(made, start, dial):
    vault = start(HURRIED)
    deaf = dial(port_of(vault), takes_bytes=4 * KiB)
    question = b"GET /api/lifecycle HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
    question %= made.token.encode()
    deaf.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        for _ in range(2000):
            deaf.sendall(question)
    eventually(lambda: "does-not-read" in vault.log.read_text())
    assert vault.get("/machines", made.token)["items"] == []


def test_a_known_connection_outlives_the_patience_with_strangers(made, start, dial):
    vault = start(HURRIED)
    stream = dial(port_of(vault))
    stream.sendall(
        b"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + made.token.encode() + b"\r\n\r\n"
    )
    assert stream.recv(4096).startswith(b"HTTP/1.1 200 ")
    stranger = dial(port_of(vault))
    eventually(lambda: has_ended(stranger))
    assert not has_ended(stream)


def test_headers_without_an_end_are_refused(made, start, dial):
    hostile = dial(port_of(start()))
    with contextlib.suppress(OSError):
        hostile.sendall(b"GET /api/health HTTP/1.1\r\n" + b"X-Filler: %s\r\n" % (b"x" * 1000) * 100)
    with contextlib.suppress(OSError):
        assert hostile.recv(4096)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")


def test_garbage_is_logged_a_few_times_only(made, start, dial):
    vault = start()
    for _ in range(60):
        with contextlib.suppress(OSError):
            dial(port_of(vault)).sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
            dial(control_port_of(vault), tls=False).sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert vault.get("/health") == {"status": "ok"}
    assert 1 <= vault.log.read_text().count("Invalid HTTP request") <= MOST_LINES
