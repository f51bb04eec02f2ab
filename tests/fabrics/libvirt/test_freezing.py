"""A guest agent that died or hangs costs a bounded time: the view is crash-consistent, says why, and the
guest writes on."""

import contextlib
import json
import time

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.fabrics.libvirt.consistency import freezing
from secondsite.fabrics.libvirt.host.connection import agent_command
from tests.fabrics.libvirt.support_guests import GuestMachine, view

pytestmark = [pytest.mark.guest, pytest.mark.always]


@pytest.fixture
def machine(host):
    machine = GuestMachine(host, kind=guestkit.Kind.AGENT)
    machine.boot()
    machine.protect()
    eventually(lambda: is_connected(host, machine), within_seconds=30)
    return machine


@pytest.fixture
def plain(host):
    """A guest without an agent."""
    plain = GuestMachine(host)
    plain.boot()
    plain.protect()
    return plain


def is_connected(host, machine):
    return "state='connected'" in host.domain(machine.id).XMLDesc()


def signal_the_agent(host, machine, signal):
    """Let the guest send its own agent a signal, a second after it was asked to."""
    line = f"sleep 1; kill -{signal} $(cat /run/agent.pid)"
    ask = {"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", line]}}
    # Connected, it may still open its channel once more.
    eventually(lambda: answers(host, machine), within_seconds=30)
    agent_command(host.domain(machine.id), json.dumps(ask), 10)


def answers(host, machine):
    try:
        agent_command(host.domain(machine.id), '{"execute": "guest-ping"}', 1)
    except Exception:
        return False
    return True


def test_a_dead_agent_gives_a_crash_consistent_view_with_the_reason(host, machine):
    signal_the_agent(host, machine, "KILL")
    eventually(lambda: not is_connected(host, machine), within_seconds=30)
    with view(host, machine, app_consistent=True) as session:
        assert session.consistency == "crash"
        assert "No guest agent is connected" in session.reason
        machine.writes_on()


def test_a_hung_agent_is_given_up_within_the_budget_and_the_guest_writes_on(host, machine):
    signal_the_agent(host, machine, "STOP")
    eventually(lambda: not answers(host, machine), within_seconds=30)
    said, began = machine.console.last_record, time.monotonic()
    with view(host, machine, app_consistent=True) as session:
        assert time.monotonic() - began < freezing.BUDGET_SECONDS + 5
        assert session.consistency == "crash"
        assert "does not answer" in session.reason
        assert session.pause_seconds < freezing.BUDGET_SECONDS / 2
        assert machine.console.last_record > said
        machine.writes_on()


def test_guests_are_frozen_together_held_viewed_and_write_on(host, machine, plain):
    """A common app-consistent point, as the appliance takes it: freeze, hold, open the views, let go,
    thaw."""
    with contextlib.ExitStack() as views:
        with host.fabric.common_pause.freeze([machine.id, plain.id]) as freezes:
            assert freezes[machine.id].consistency == "app"
            assert "No guest agent" in freezes[plain.id].reason
            with host.fabric.common_pause.pause([machine.id, plain.id], budget_seconds=10):
                assert host.stands_still(machine.id)
                for each in (machine, plain):
                    views.enter_context(view(host, each))
            assert not host.stands_still(machine.id)
        assert freezes[machine.id].consistency == "app"
        assert 0 < freezes[machine.id].seconds < freezing.BUDGET_SECONDS
        machine.writes_on()
        plain.writes_on()
