"""A machine that a former vault left in the middle of a failover, off at both sites: a new one says so, and it goes on either way."""

import contextlib
import subprocess

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.rescue import choosing, leasing
from secondsite.rescue.store import Store
from tests.vault.adoption.support_adoption import states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
HALF = {"web01": "failover_failed", "db01": "protected"}


@pytest.fixture
def left(furnished):
    """web01 was shut down for a failover that could not start it. Then its vault was lost."""
    simulated.dial(furnished.sites["b"].root, [simulated.Fault(method="hosting.create", code="fabric-error")])
    furnished.run("failover", "web01", shut_down_source=True, fails=True)
    simulated.dial(furnished.sites["b"].root, [])
    assert furnished.machine().state is State.FAILOVER_FAILED
    furnished.lose_vault()
    furnished.new_vault()
    return furnished


def power(world):
    return world.sites["a"].fabric.power.state(world.record().source_fabric_id)


def test_it_is_adopted_as_what_it_is_and_runs_again_where_it_was(left, monkeypatch):
    for name in "ab":
        left.enroll_again(name, monkeypatch)
    assert states(left.adopt("a")) == HALF
    assert states(left.adopt("b")) == HALF
    assert power(left) is PowerState.OFF
    assert "failover-failed" in {finding.code for finding in left.machine().findings}
    left.run("cancel-failover", "web01")
    assert (left.machine().state, power(left)) == (State.PROTECTED, PowerState.RUNNING)
    source, machine_id = left.sites["a"], left.record().id
    before = source.source_status(machine_id).last_seq
    eventually(lambda: source.source_status(machine_id).last_seq > before + 1, within_seconds=30)


def test_what_plain_qemu_runs_meanwhile_is_not_removed_below_it_and_nothing_runs_beside_it(left, monkeypatch):
    site = left.sites["b"]
    site.stop()
    found = Store([site.config.store]).find("web01")
    overlays = leasing.opened(found, choosing.chosen(found, "latest"), None)
    with written(overlays["vda"]):
        for name in "ba":
            left.enroll_again(name, monkeypatch)
        assert states(left.adopt("b"))["web01"] == "protected"
        assert states(left.adopt("a"))["web01"] == "failover_failed"
        failed = left.run("cancel-failover", "web01", fails=True)
        assert "A program that is not known here writes to" in str(failed["tasks"])
        assert overlays["vda"].exists()
        assert power(left) is PowerState.OFF


@contextlib.contextmanager
def written(path):
    words = ["qemu-io", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("length\n")
        program.stdin.flush()
        program.stdout.readline()
        yield
        program.stdin.close()
