"""A guest agent that died or hangs costs a bounded time: the view is crash-consistent, says why, and the guest writes on."""

import contextlib
import json
import time

import pytest

import guestkit
from secondsite.fabrics.libvirt import agent
from secondsite.fabrics.libvirt.connection import agent_command
from tests.fabrics.libvirt.test_guests import GuestMachine, view
from tests.support.eventually import eventually

pytestmark = pytest.mark.guest


@pytest.fixture
def machine(rig):
    machine = GuestMachine(rig, kind=guestkit.Kind.AGENT)
    machine.boot()
    machine.protect()
    eventually(lambda: is_connected(rig, machine), within_seconds=30)
    return machine


@pytest.fixture
def plain(rig):
    """A guest without an agent."""
    plain = GuestMachine(rig)
    plain.boot()
    plain.protect()
    return plain


def is_connected(rig, machine):
    return "state='connected'" in rig.domain(machine.id).XMLDesc()


def signal_the_agent(rig, machine, signal):
    """Let the guest send its own agent a signal, a second after it was asked to."""
    line = f"sleep 1; kill -{signal} $(cat /run/agent.pid)"
    ask = {"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", line]}}
    agent_command(rig.domain(machine.id), json.dumps(ask), 10)


def answers(rig, machine):
    try:
        agent_command(rig.domain(machine.id), '{"execute": "guest-ping"}', 1)
    except Exception:
        return False
    return True


def test_a_dead_agent_gives_a_crash_consistent_view_with_the_reason(rig, machine):
    signal_the_agent(rig, machine, "KILL")
    eventually(lambda: not is_connected(rig, machine), within_seconds=30)
    with view(rig, machine, app_consistent=True) as session:
        assert session.consistency == "crash"
        assert "No guest agent is connected" in session.reason
        machine.writes_on()


def test_a_hung_agent_is_given_up_within_the_budget_and_the_guest_writes_on(rig, machine):
    signal_the_agent(rig, machine, "STOP")
    eventually(lambda: not answers(rig, machine), within_seconds=30)
    said, began = machine.console.last_record, time.monotonic()
    with view(rig, machine, app_consistent=True) as session:
        assert time.monotonic() - began < agent.BUDGET_SECONDS + 5
        assert session.consistency == "crash"
        assert "does not answer" in session.reason
        assert session.pause_seconds < 1
        assert machine.console.last_record > said
        machine.writes_on()


def test_guests_are_frozen_together_held_viewed_and_write_on(rig, machine, plain):
    """A common app-consistent point, as the appliance takes it: freeze, hold, open the views, let go, thaw."""
    with contextlib.ExitStack() as views:
        with rig.fabric.quiescing.freeze([machine.id, plain.id]) as freezes:
            assert freezes[machine.id].consistency == "app"
            assert "No guest agent" in freezes[plain.id].reason
            with rig.fabric.quiescing.hold([machine.id, plain.id], budget_seconds=10):
                assert rig.stands_still(machine.id)
                for each in (machine, plain):
                    views.enter_context(view(rig, each))
            assert not rig.stands_still(machine.id)
        assert freezes[machine.id].consistency == "app"
        assert 0 < freezes[machine.id].seconds < agent.BUDGET_SECONDS
        machine.writes_on()
        plain.writes_on()
