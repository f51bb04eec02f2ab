"""No guest is frozen before somebody watches who thaws it if this process dies."""

import contextlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.fabrics.libvirt.consistency import freezing, lifeline
from secondsite.fabrics.libvirt.host import connection

CONNECTED = """<domain><devices><channel type='unix'><source path='/run/agent.sock'/>
<target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>"""


class Frozen:
    """A domain whose agent answers."""

    def __init__(self, done):
        self.done = done

    def UUIDString(self):
        return "id-1"

    def name(self):
        return "web01"

    def XMLDesc(self, _flags):
        return CONNECTED

    def agentSetResponseTimeout(self, _seconds, _flags):
        return 0

    def fsFreeze(self, _mounts, _flags):
        self.done.append("frozen")
        return 1

    def fsThaw(self, _mounts, _flags):
        self.done.append("thawed")
        return 1


@pytest.fixture
def done(monkeypatch):
    monkeypatch.setattr(connection, "agent_command", lambda *_: "{}")
    return []


@pytest.fixture
def agents(tmp_path):
    return freezing.Agents(cast(Any, SimpleNamespace(embedded_root=tmp_path)), tmp_path / "records")


def test_it_is_watched_from_before_it_is_frozen_until_it_is_thawed(agents, done, monkeypatch):
    @contextlib.contextmanager
    def tied(rescues, budget_seconds):
        assert (rescues, budget_seconds) == ([("agent", "/run/agent.sock")], freezing.WATCHDOG_SECONDS)
        done.append("watched")
        yield
        done.append("let go")

    monkeypatch.setattr(lifeline, "tied", tied)
    with agents.frozen(Frozen(done)) as freeze:
        assert freeze.consistency == "app"
    assert done == ["watched", "frozen", "thawed", "let go"]


def test_it_is_not_frozen_if_nobody_can_watch(agents, done, monkeypatch):
    def none(*_):
        raise TimeoutError("the watchdog process did not start")

    monkeypatch.setattr(lifeline, "tied", none)
    with agents.frozen(Frozen(done)) as freeze:
        assert freeze.consistency == "crash"
        assert "no watchdog could be started" in freeze.reason
    assert done == []
