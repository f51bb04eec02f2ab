"""A start that fails leaves a way: another point starts, a change of the point goes back, and a cancel
brings the machine home."""

import pytest

from rig.eventually import eventually
from secondsite.fabrics import simulated
from tests.e2e.support_simulated_sites import PROTECT, copies, host, simulated_sites
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def rig():
    with simulated_sites() as rig:
        command_line.told(rig, "machine", *PROTECT)
        yield rig


def points(rig, most):
    found = command_line.told(rig, "point", "list", "web01")
    return (
        [each["id"] for each in sorted(found, key=lambda each: each["taken_at"])]
        if len(found) >= most
        else None
    )


def no_machine_starts(rig):
    simulated.dial(host(rig, "b"), [simulated.Fault(method="power.start", code="fabric-error")])


def machines_start(rig):
    simulated.dial(host(rig, "b"), [])


def runs_at(rig, *sites):
    return eventually(lambda: copies(rig) == list(sites), 30)


def test_after_a_failed_start_a_cancel_an_older_point_and_a_change_are_possible(rig):
    older, newer = eventually(lambda: points(rig, 2), 60)[:2]
    no_machine_starts(rig)
    command_line.told(rig, "machine", "failover", "web01", "--point", newer, exit_code=1)
    assert rig.machine("web01").state == "failover_failed"
    command_line.told(rig, "machine", "cancel-failover", "web01")
    assert runs_at(rig, "a")
    command_line.told(rig, "machine", "failover", "web01", "--point", newer, exit_code=1)
    machines_start(rig)
    command_line.told(rig, "machine", "failover", "web01", "--point", older)
    assert "b" in copies(rig)
    no_machine_starts(rig)
    command_line.told(rig, "machine", "change-recovery-point", "web01", "--point", newer, exit_code=1)
    assert "b" not in copies(rig)
    machines_start(rig)
    command_line.told(rig, "machine", "change-recovery-point", "web01", "--point", older)
    assert "b" in copies(rig)
