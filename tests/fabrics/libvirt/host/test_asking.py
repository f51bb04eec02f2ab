"""The program that asks services of guests: no answer, however odd, ends the questions to others."""

import asyncio
import contextlib
import json
import secrets
import socket
import subprocess
import sys
import time

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt import reaching, reaching_program
from secondsite.fabrics.reaching import Knock
from secondsite.ground.threads import worker

ODD = {
    "a status of 5000 digits": b"HTTP/1.0 " + b"2" * 5000 + b" OK\r\n\r\n",
    "digits of another script": "HTTP/1.0 \u0662\u0660\u0660 OK\r\n\r\n".encode(),
    "nothing": b"",
    "no HTTP": b"\0" * 70_000,
}


@contextlib.contextmanager
def serving(answer, stays_open=False, after=0.0):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    one, _ = server.accept()
                    with one:
                        one.recv(4096)
                        time.sleep(after)
                        one.sendall(answer)
                        while stays_open and one.recv(4096):
                            pass

        thread = worker("odd", serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def asked(*knocks):
    words = json.dumps({"bridge": None, "source": None, "knocks": knocks})
    done = subprocess.run(
        [sys.executable, reaching_program.__file__, words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return {each["number"]: each["passed"] for each in map(json.loads, done.stdout.splitlines())}, done.stderr


def knock(port, seconds):
    return {
        "address": "127.0.0.1",
        "port": port,
        "path": "/",
        "seconds": seconds,
        "status": 200,
        "text": None,
    }


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_fails_its_own_check_only(odd):
    with serving(ODD[odd]) as bad, serving(b"HTTP/1.0 200 OK\r\n\r\nthe shop") as good:
        verdicts, complaints = asked(knock(bad, 1.0), knock(good, 30.0))
    assert (verdicts, complaints) == ({0: False, 1: True}, "")


@pytest.mark.parametrize(
    ("addr", "prefix"),
    [
        ("127.0.0.1", 8),
        ("169.254.169.254", 16),
        ("224.0.0.1", 4),
        ("0.0.0.0", 0),
        ("10.0.0.5", 33),
        ("x", 24),
    ],
)
def test_an_address_at_which_no_machine_can_be_reached_is_not_taken_from_a_guest(addr, prefix):
    assert said(addr, prefix) == []
    assert said("10.0.0.5", 24) == ["10.0.0.5/24"]


def said(addr, prefix):
    card = {"hwaddr": "52:54:00:00:00:01", "addrs": [{"type": 0, "addr": addr, "prefix": prefix}]}
    return [each.address for each in reaching.usable({"eth0": card})]


@pytest.mark.parametrize("text", [None, "the shop"])
def test_a_server_that_leaves_the_connection_open_after_its_answer_has_answered(text):
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nServer: x\r\n\r\nthe shop"
    with serving(whole, stays_open=True) as port:
        verdicts, _ = asked({**knock(port, 4.0), "text": text})
    assert verdicts == {0: True}


def test_a_page_that_takes_longer_than_one_attempt_is_waited_for():
    """Applications take their time for the first page after a start; given up every 5 s it never came,
    whatever the check's deadline."""
    with serving(b"HTTP/1.0 200 OK\r\n\r\nthe shop", after=reaching_program.ANSWER_SECONDS + 1) as port:
        verdicts, complaints = asked(knock(port, 45.0))
    assert (verdicts, complaints) == ({0: True}, "")


def test_time_without_a_connection_makes_no_attempt_wait_longer_for_its_answer(monkeypatch, capsys):
    """A firewall that drops while its host boots: the first connection after it was waited for until the
    check's end, and it was one that the application had lost as it started."""
    monkeypatch.setattr(reaching_program, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(reaching_program, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as waiting:
        waiting.connect(server.getsockname())  # others get no answer to their first packet

        def serve():
            time.sleep(4)
            kept = [server.accept(), server.accept()]
            with contextlib.suppress(OSError):
                while True:
                    one, _ = server.accept()
                    with one:
                        one.recv(4096)
                        one.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            for one, _ in kept:
                one.close()

        thread = worker("boots", serve)
        thread.start()
        asyncio.run(reaching_program.ask_all([knock(server.getsockname()[1], 20.0)]))
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert json.loads(capsys.readouterr().out)["passed"]


HANGS = (
    "import socket; kept = []; server = socket.create_server(('', 80))\nwhile True: "
    "kept.append(server.accept())"
)
ANSWERS = """
import socket
server = socket.create_server(('', 80))
while True:
    one, _ = server.accept()
    with one:
        one.recv(4096)
        one.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n')
"""


class Guest:
    """A network of its own, which another one is plugged into."""

    def __init__(self, name, asker):
        self._name, self._asker = name, asker
        self._service = None

    def start(self, program):
        """Nothing of an earlier start is known to its kernel."""
        self.end()
        ip("netns", "add", self._name)
        ip(
            "link",
            "add",
            "eth0",
            "netns",
            self._name,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self._asker,
        )
        for name, address in ((self._name, "10.97.5.2/24"), (self._asker, "10.97.5.1/24")):
            ip("-n", name, "address", "add", address, "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "address", "fe:00:00:00:00:01", "up")
        ip("-n", self._asker, "link", "set", "eth0", "address", "fe:00:00:00:00:02")
        self._service = subprocess.Popen(["ip", "netns", "exec", self._name, sys.executable, "-c", program])

    def end(self):
        """Without a word to anybody."""
        if self._service is not None:
            ip("-n", self._name, "link", "delete", "eth0")
            self._service.kill()
            self._service.wait(10)
            ip("netns", "delete", self._name)
            self._service = None


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=10)


@pytest.fixture
def asker():
    name = f"ss-{secrets.token_hex(3)}"
    ip("netns", "add", name)
    yield name
    ip("netns", "delete", name)


@pytest.fixture
def guest(asker):
    made = Guest(f"{asker}-guest", asker)
    yield made
    made.end()


@pytest.mark.slow
def test_a_guest_that_starts_again_is_asked_again_however_long_its_answer_was_waited_for(asker, guest):
    """It knows nothing of the connection that it had, and does not say so by itself."""
    guest.start(HANGS)
    asked_for = {**knock(80, 34.0), "address": "10.97.5.2"}
    words = json.dumps({"bridge": None, "source": None, "knocks": [asked_for]})
    command = ["ip", "netns", "exec", asker, sys.executable, reaching_program.__file__, words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        time.sleep(4 * reaching_program.ANSWER_SECONDS)  # amid the third attempt, which waits as long as that
        guest.start(ANSWERS)
        told, _ = asking.communicate(timeout=60)
    assert json.loads(told)["passed"], told


@pytest.fixture
def own_address():
    """Of a bridge of this host."""
    name = f"ss-{secrets.token_hex(3)}"
    for words in (
        ("link", "add", "name", name, "type", "bridge"),
        ("address", "add", "10.97.4.1/24", "dev", name),
    ):
        subprocess.run(["ip", *words], check=True, timeout=10)
    yield "10.97.4.1"
    subprocess.run(["ip", "link", "delete", "dev", name], check=False, timeout=10)


def test_the_host_s_own_services_are_not_asked_in_place_of_a_machine_s(own_address):
    """A guest that said its host's address passed the checks of its services by the host's own."""
    for address in (own_address, f"{own_address}/24", "127.0.0.1"):
        with pytest.raises(errors.FabricError, match="of the appliance's own host"):
            with reaching.visit([Knock(address, 22, 1.0)], None, None):
                pytest.fail("it was asked")
    assert not reaching.is_own("10.97.4.2")
