"""A disk that its owner detaches while a view of it is open: libvirt cannot close its files then, and does
not try again."""

import contextlib
import re
from functools import partial

import pytest

from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.host import monitor
from secondsite.fabrics.libvirt.tracking import filter_view, filters
from tests.fabrics.libvirt.support_detached import DetachingMachine

pytestmark = pytest.mark.slow

ANOTHER = "libvirt-99-format"
EXECUTE = monitor.execute


@pytest.fixture(params=["qcow2", "raw"])
def machine(request, host):
    with host.viewed_by("filter", request.param):
        yield DetachingMachine(host)
        host.clear()


def test_a_disk_that_is_detached_in_a_view_is_closed_with_it_and_can_come_back(host, machine):
    base = steps.checkpoint(host, machine.id)
    machine.write(2)
    with steps.view(host, machine.id, base) as session:
        machine.detach()
        assert str(machine.path) in machine.nodes.values()
        assert steps.byte_at(session.disks[1], 2 * 65536) == 7
    assert machine.has_closed(machine.path)
    host.fabric.tracking.acknowledge(machine.id, session.checkpoint)
    steps.checkpoint(host, machine.id, session.checkpoint, ["vda"])
    machine.attach()
    machine.write(5)
    with steps.view(host, machine.id, session.checkpoint) as after:
        _, disk = after.disks
        assert steps.byte_at(disk, 5 * 65536) == steps.byte_at(disk, 2 * 65536) == 7
        assert not disk.bitmaps or steps.dirty_blocks(disk) == {5}


def test_all_files_of_a_detached_disk_are_closed_and_what_libvirt_has_begun_stays(host, machine):
    base = steps.checkpoint(host, machine.id)
    with steps.view(host, machine.id, base):
        host.take_snapshot(machine.id, "sdb")  # below the filter
        (overlay,) = set(re.findall(r"/[^']*/[0-9a-f]{8}\.qcow2", machine.domain.XMLDesc()))
        machine.detach()
        host.qmp(machine.id, "blockdev-add", driver="null-co", **{"node-name": ANOTHER})
    assert ANOTHER in machine.nodes
    host.qmp(machine.id, "blockdev-del", **{"node-name": ANOTHER})
    assert machine.has_closed(overlay, machine.path)


def test_what_uses_the_files_of_a_detached_disk_keeps_them_open(host, machine):
    with steps.view(host, machine.id, None):
        (node,) = (
            each["inserted"]["node-name"]
            for each in host.qmp(machine.id, "query-block")["return"]
            if "scsi" in each["qdev"]
        )
        assert node == "ss-filter-sdb"
        below = dict(filters.children(partial(filter_view.ask, machine.domain), "file"))[node]
        machine.detach()
        host.qmp(machine.id, "blockdev-add", driver="raw", file=below, **{"node-name": ANOTHER})
    assert {ANOTHER, below} < machine.nodes.keys()
    assert not any(each.startswith("ss-") for each in machine.nodes)


class Killed(Exception):
    """As the end of the process, at that question to QEMU."""


class Asking:
    """Asks QEMU, as a program that dies at its n-th question."""

    def __init__(self, domain, dies_at):
        self.domain, self.left = domain, dies_at

    def __call__(self, command, arguments=None):
        self.left -= 1
        if not self.left:
            raise Killed
        return filter_view.ask(self.domain, command, arguments)


def test_a_detached_disk_is_closed_wherever_the_end_of_its_view_was_killed(host, machine, monkeypatch):
    survived = False
    monkeypatch.setattr(filters, "STALE_SECONDS", 0.1)
    for dies_at in range(1, 100):
        with steps.view(host, machine.id, None, disks=["sdb"]):
            machine.detach()
            try:
                with filters.alone(host.work_dir / "leading" / machine.id) as lead:
                    assert lead is not None
                    survived = filters.take_out(Asking(machine.domain, dies_at), lead)
            except Killed:
                survived = False
        assert machine.has_closed(machine.path), dies_at
        if survived:
            break
        machine.attach()
    assert survived


class Commands:
    """QEMU's commands from `first` on; before the n-th of them, `act` is done."""

    def __init__(self, first, number, act):
        self.first, self.left, self.act, self.begun = first, number, act, False

    def __call__(self, domain, command, **arguments):
        self.begun = self.begun or self.first(command, str(arguments))
        if self.begun:
            self.left -= 1
            if not self.left:
                self.act()
        return EXECUTE(domain, command, **arguments)


def test_a_disk_is_closed_whenever_it_is_detached_as_a_view_is_opened_or_ended(host, machine, monkeypatch):
    number, came = 0, True
    while came:
        number += 1
        commands = Commands(lambda command, _: command == "blockdev-add", number, machine.detach)
        monkeypatch.setattr(monitor, "execute", commands)
        with contextlib.suppress(errors.FabricError), steps.view(host, machine.id, None):
            pass
        monkeypatch.setattr(monitor, "execute", EXECUTE)
        came = commands.left <= 0
        if came:
            assert machine.has_closed(machine.path), number
            machine.attach()
    assert number > 30


def test_a_disk_that_had_a_gate_only_is_closed_wherever_its_end_was_killed(host, machine, monkeypatch):
    monkeypatch.setattr(filters, "STALE_SECONDS", 0.1)

    def killed():
        raise Killed

    def led_to_its_gate(command, arguments):
        if command == "qom-set" and "ss-gate-sdb" in arguments:
            machine.detach()
            return True
        return False

    number, came = 0, True
    while came:
        number += 1
        commands = Commands(led_to_its_gate, number + 1, killed)
        monkeypatch.setattr(monitor, "execute", commands)
        with pytest.raises((Killed, errors.FabricError)), steps.view(host, machine.id, None):
            pytest.fail("the view was opened")
        monkeypatch.setattr(monitor, "execute", EXECUTE)
        came = commands.left <= 0
        host.fabric.tracking.end_left_over(machine.id)
        assert machine.has_closed(machine.path), number
        machine.attach()
    assert number > 10
