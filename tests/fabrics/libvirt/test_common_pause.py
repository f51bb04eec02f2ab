"""Machines of a group go on whatever becomes of the connection to libvirtd while they are paused."""

from typing import Any

import libvirt
import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.libvirt.consistency import common_pause


class Machine:
    """A machine of a libvirtd, of which the connection breaks once it is paused, for as long as `broken`."""

    def __init__(self):
        self.paused, self.broken = False, True

    def UUIDString(self):
        return "u1"

    def name(self):
        return "m1"

    def state(self):
        if self.paused:
            return libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER
        return libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED

    def suspend(self):
        self.paused = True

    def resume(self):
        if self.broken:
            raise libvirt.libvirtError("Cannot recv data: Connection reset by peer")
        self.paused = False


class Hypervisor:
    embedded_root = None
    uri = "qemu:///system"

    def __init__(self, **machines):
        self.find = self.domain = machines.get


def pauses(folder, **machines):
    hypervisor: Any = Hypervisor(**machines)
    agents: Any = None
    return common_pause.CommonPause(hypervisor, folder, agents)


@pytest.fixture
def watchdogs(tmp_path, monkeypatch):
    """The file in which the watchdog's virsh notes that it was called."""
    virsh, called = tmp_path / "virsh", tmp_path / "called"
    virsh.write_text(f'#!/bin/sh\necho "$@" >>{called}\n')
    virsh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return called


def paused_while_libvirtd_goes(machine, folder):
    pause = pauses(folder, u1=machine)
    with pytest.raises(errors.FabricError, match="Connection reset"):
        with pause.pause(["u1"], budget_seconds=1.0):
            assert machine.paused


def test_a_machine_that_could_not_be_resumed_is_resumed_once_libvirtd_answers(tmp_path, watchdogs):
    machine = Machine()
    paused_while_libvirtd_goes(machine, tmp_path)
    assert list((tmp_path / "held").iterdir())
    machine.broken = False
    eventually(lambda: not machine.paused)
    eventually(lambda: not list((tmp_path / "held").iterdir()))


def test_a_machine_that_could_not_be_resumed_is_resumed_by_the_watchdog(tmp_path, watchdogs):
    machine = Machine()
    paused_while_libvirtd_goes(machine, tmp_path)
    eventually(watchdogs.exists)
    assert watchdogs.read_text() == "-c qemu:///system resume u1\n"
    machine.broken = False
    eventually(lambda: not list((tmp_path / "held").iterdir()))


def test_one_that_cannot_be_resumed_after_a_death_keeps_no_other_paused(tmp_path):
    stuck, other = Machine(), Machine()
    stuck.paused = other.paused = True
    other.broken = False
    (tmp_path / "held").mkdir()
    for name in ("stuck", "other"):
        (tmp_path / "held" / f"{name}.json").write_text(f'["{name}"]')
    pauses(tmp_path, stuck=stuck, other=other).release_left_over()
    assert not other.paused
    assert stuck.paused
    stuck.broken = False
    eventually(lambda: not list((tmp_path / "held").iterdir()))
    assert not stuck.paused


class PausedMeanwhile(Machine):
    """Its owner pauses it when it was found running, and before it is paused for the point."""

    def __init__(self):
        super().__init__()
        self.broken = False

    def UUIDString(self):
        self.paused = True
        return super().UUIDString()


def test_a_machine_that_its_owner_pauses_meanwhile_stays_paused(tmp_path, watchdogs):
    machine = PausedMeanwhile()
    with pauses(tmp_path, u1=machine).pause(["u1"], budget_seconds=5.0):
        assert machine.paused
    assert machine.paused
    assert not list((tmp_path / "held").iterdir())
