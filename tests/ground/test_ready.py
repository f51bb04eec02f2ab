"""Who starts a service hears when it answers."""

import os
import socket

import pytest

from secondsite.ground.processes import surroundings


@pytest.fixture
def heard(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(str(tmp_path / "notify"))
        own.settimeout(10)
        yield own


def test_systemd_is_told_and_children_are_not_to_tell_it(heard, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    surroundings.tell_ready("vault ready https://vault:8443")
    assert heard.recv(100) == b"READY=1"
    assert "NOTIFY_SOCKET" not in os.environ
    assert capsys.readouterr().out == "vault ready https://vault:8443\n"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-listens"])
def test_a_service_goes_on_where_nobody_listens(address, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    surroundings.tell_ready("ready")
    assert capsys.readouterr().out == "ready\n"
