"""Machines that do not run here and are not off: their memory is saved, or somebody else has their disks."""

import subprocess

import pytest

from rig.eventually import eventually
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState

pytestmark = pytest.mark.slow


def test_a_machine_with_a_managed_save_is_not_off(host):
    fabric_id = steps.protected(host, "saved")
    host.domain(fabric_id).managedSave()
    assert host.fabric.power.state(fabric_id) is PowerState.SAVED
    host.fabric.power.start(fabric_id)
    assert host.fabric.power.state(fabric_id) is PowerState.RUNNING
    steps.stopped(host, fabric_id)
    assert host.fabric.power.state(fabric_id) is PowerState.OFF


def test_a_machine_whose_disk_somebody_else_writes_is_elsewhere(host):
    fabric_id = steps.protected(host, "elsewhere")
    steps.stopped(host, fabric_id)
    path = host.disk_path(fabric_id, "vda")
    with subprocess.Popen(
        ["qemu-io", "-f", "qcow2", path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as other:
        eventually(lambda: host.fabric.power.state(fabric_id) is PowerState.ELSEWHERE, 10)
        other.communicate(b"quit\n", timeout=10)
    assert host.fabric.power.state(fabric_id) is PowerState.OFF


def test_who_only_reads_a_disk_takes_the_machine_nowhere(host):
    fabric_id = steps.protected(host, "read")
    base = steps.checkpoint(host, fabric_id)
    steps.stopped(host, fabric_id)
    with steps.view(host, fabric_id, base) as session:
        assert steps.content(session.disks[0])
        assert host.fabric.power.state(fabric_id) is PowerState.OFF
    reading = ["qemu-io", "-r", "-f", "qcow2", host.disk_path(fabric_id, "vda")]
    with subprocess.Popen(reading, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as other:
        assert host.fabric.power.state(fabric_id) is PowerState.OFF
        other.communicate(timeout=10)
