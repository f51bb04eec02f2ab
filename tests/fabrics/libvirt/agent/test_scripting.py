"""A script inside a real guest, by its agent: told what happens, with a deadline, and with nothing left
there."""

import time

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.scripting import GuestScript
from tests.fabrics.libvirt.support_guests import GuestMachine

pytestmark = pytest.mark.guest
SHELL = ("/bin/sh",)


@pytest.fixture
def machine(host):
    machine = GuestMachine(host, guestkit.Kind.AGENT, workload=guestkit.Workload(records_per_second=1))
    machine.boot()
    eventually(lambda: host.fabric.seeing.agent_answers(machine.id), within_seconds=30)
    return machine


def run(host, machine, text, said=b"{}", seconds=20.0, interpreter=SHELL):
    return host.fabric.scripting.run(machine.id, GuestScript(text.encode(), interpreter, said, seconds))


def test_a_script_runs_in_the_guest_with_what_it_is_told_and_leaves_nothing_there(host, machine):
    said = b'{"plan": "shop"}' + b" " * 300_000
    ended = run(host, machine, "#!/bin/sh\ngrep -c shop; uname -n; ls /tmp; echo away >&2; exit 3\n", said)
    assert ended.status == 3
    first, *_, last = ended.output.decode().split()
    assert (first, last) == ("1", "away")
    left = run(host, machine, "ls -d /tmp/secondsite.*")
    assert left.output.decode().split() == [left.output.decode().strip()]  # its own only


def test_at_its_deadline_it_is_killed_in_the_guest(host, machine):
    began = time.monotonic()
    ended = run(host, machine, "sleep 300", seconds=2.0)
    assert ended.status is None
    assert time.monotonic() - began < 60
    assert run(host, machine, "ps | grep -c '[s]leep 300'").output.strip() == b"0"


def test_an_interpreter_that_the_guest_lacks_fails_the_script_with_the_guest_s_words(host, machine):
    ended = run(host, machine, "print('shop')", interpreter=("/usr/bin/no-python",))
    assert ended.status not in (0, None)
    assert b"no-python" in ended.output


def test_a_guest_that_is_off_runs_nothing(host, machine):
    host.fabric.power.stop(machine.id)
    with pytest.raises(errors.SecondsiteError):
        run(host, machine, "true")
