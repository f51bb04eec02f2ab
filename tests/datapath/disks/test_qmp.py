"""Whose answer is whose."""

import contextlib
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.datapath import errors
from secondsite.datapath.disks import QmpClient

LISTENING = 1 << 16
"""A flag in /proc/net/unix (__SO_ACCEPTCON)."""


@pytest.fixture
def qmp(tmp_path):
    """The socket of a daemon that nobody talks to yet."""
    path = tmp_path / "qmp.sock"
    chardev = f"socket,id=qmp,path={path},server=on,wait=off"
    daemon = subprocess.Popen(["qemu-storage-daemon", "--chardev", chardev, "--monitor", "chardev=qmp"])
    eventually(lambda: listens(path))
    yield path
    daemon.kill()
    daemon.wait(timeout=10)


def listens(path):
    """Without a connection: the daemon talks to one client at a time. A socket is there before it listens."""
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return any(socket[-1] == str(path) and int(socket[3], 16) & LISTENING for socket in sockets[1:])


@contextlib.contextmanager
def in_a_command_that_nobody_waits_for(qmp, tmp_path):
    """A client has gone while the daemon carries out its command, which ends (it is refused) with the
    block."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        server = {"type": "unix", "path": str(path)}
        gone = QmpClient(qmp)
        with pytest.raises(errors.StorageDaemonGone):
            gone.command(
                "blockdev-add", {"driver": "nbd", "node-name": "n", "server": server}, deadline_seconds=0.2
            )
        greeted, _ = silent.accept()
        with greeted:
            yield


def test_an_answer_that_a_former_client_did_not_wait_for_is_not_taken_for_ours(qmp, tmp_path, monkeypatch):
    asks = threading.Event()
    ask = QmpClient.command

    def telling(client, name, *arguments, **more):
        asks.set()
        return ask(client, name, *arguments, **more)

    with ThreadPoolExecutor() as pool:
        with in_a_command_that_nobody_waits_for(qmp, tmp_path):
            monkeypatch.setattr(QmpClient, "command", telling)
            coming = pool.submit(QmpClient, qmp)
            assert asks.wait(10)
        client = coming.result(10)
    assert client.command("query-version")["qemu"]["major"] >= 7
    client.close()


@contextlib.contextmanager
def losing_bytes(qmp, tmp_path):
    """Another socket to the daemon, which loses the first two bytes of a client's second line."""
    path = tmp_path / "losing.sock"
    with socket.socket(socket.AF_UNIX) as admission, socket.socket(socket.AF_UNIX) as daemon:
        admission.bind(str(path))
        admission.listen()
        daemon.connect(str(qmp))
        with ThreadPoolExecutor() as pool:
            there = pool.submit(_carry_lines, admission, daemon)
            yield path
            daemon.shutdown(socket.SHUT_RDWR)
            there.result(10)


def _carry_lines(admission, daemon):
    client, _ = admission.accept()
    with client, ThreadPoolExecutor() as pool:
        back = pool.submit(_carry_back, daemon, client)
        with contextlib.suppress(ConnectionError):  # it goes as soon as it knows
            for number, line in enumerate(client.makefile("rb"), start=1):
                daemon.sendall(line[2:] if number == 2 else line)
        back.result(10)


def _carry_back(daemon, client):
    with contextlib.suppress(ConnectionError):
        while data := daemon.recv(1 << 16):
            client.sendall(data)


def test_a_line_that_the_daemon_cannot_read_is_no_refusal_of_what_it_asked(qmp, tmp_path):
    with losing_bytes(qmp, tmp_path) as path:
        client = QmpClient(path)
        with pytest.raises(errors.StorageDaemonGone, match=r"could not read 'query-version'.*'execute'"):
            client.command("query-version")
    again = QmpClient(qmp)
    assert again.command("query-version")
    again.close()
