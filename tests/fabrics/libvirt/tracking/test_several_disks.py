"""A view of several disks through filters is of one instant; its guest is never stopped, and wherever its
owner dies, nothing of it stays."""

import contextlib
import os
import secrets
import signal
from pathlib import Path

import libvirt
import pytest

from rig.errors import NoAnswer
from rig.eventually import eventually
from rig.hosts import ordered_writer
from rig.hosts.domains import firmware_xml
from rig.images import qemu_img
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import RunningView
from secondsite.ground.units import MiB
from tests.fabrics.libvirt.support_filters import nodes_of_nobody, what_is_left
from tests.fabrics.libvirt.support_held import TAG, held_root
from tests.fabrics.support_lifelines import lifelines_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

VIEWS = 60
"""Of a guest that takes a whole processor, as it writes for ever: 100 s on two cores that others want too."""


@pytest.fixture
def held():
    with held_root("filter") as held:
        images = [held.root / "images" / f"{name}.qcow2" for name in "ab"]
        for image in images:
            qemu_img("create", "-q", "-f", "qcow2", image, "8M")
        held.define(firmware_xml("a", images))
        held.ask("enable", machine=held.machine, tag=TAG)
        yield held


@pytest.mark.parametrize("disk_format", ["qcow2", "raw"])
def test_all_disks_are_of_one_instant_and_the_guest_is_never_stopped(host, disk_format):
    with host.viewed_by("automatic", disk_format):
        disks = [host.make_image(f"ordered-{secrets.token_hex(4)}", 4 * MiB) for _ in range(2)]
        fabric_id = host.define(ordered_writer.definition(f"ordered-{disk_format}", disks, disk_format))
        host.fabric.power.start(fabric_id)
        host.fabric.tracking.enable(fabric_id, steps.TAG)
        suspended = suspensions(host, fabric_id)
        seen = [numbers(host, fabric_id) for _ in range(VIEWS)]
        assert seen[-1][0] > seen[0][0] + VIEWS
        assert [first - second for first, second in seen if first - second not in (0, 1)] == []
        assert suspended == []


def suspensions(host, fabric_id):
    """Grows as libvirt tells of them."""
    found, told = [], libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE

    def heard(_handle, _domain, event, _detail, _nothing):
        if event == libvirt.VIR_DOMAIN_EVENT_SUSPENDED:
            found.append(event)

    host.connection.handle.domainEventRegisterAny(host.domain(fabric_id), told, heard, None)
    return found


def numbers(host, fabric_id):
    """What the guest had written to each disk at the instant of a new view."""
    with steps.view(host, fabric_id, None) as session:
        assert session.how == RunningView("filter", None)
        return [ordered_writer.number_in(steps.content(disk)) for disk in session.disks]


def test_wherever_its_owner_stops_the_guest_runs_and_all_of_it_is_taken_out(held):
    gates = commands = 0
    while stands_still_after(held, commands):
        if commands % 2:
            for lifeline in lifelines_of(held.process.pid):
                os.kill(lifeline, signal.SIGKILL)
            held.kill()
            after_a_while(held)
            gates += any("ss-gate" in name for name in nodes_of_nobody(held))
            assert held.monitor_of_nobody("query-status")["running"]
            held.open()
            held.ask("end_left_over", machine=held.machine)
        held.kill()
        after_a_while(held)
        eventually(lambda: what_is_left(held) == [], 20)
        assert held.monitor_of_nobody("query-status")["running"]
        held.write_block_of_nobody(commands)
        held.open()
        commands += 1
    assert gates > 2


def after_a_while(held):
    """What a dead process had asked of QEMU cannot come any more."""
    place = held.root / "work" / "leading" / held.machine
    place.parent.mkdir(exist_ok=True)
    place.write_text("0")


def stands_still_after(held, commands):
    """Whether its owner stands still before one more command to QEMU, or had opened a view with so many."""
    held.ask("stand_still_after", commands=commands)
    name, disks = f"secondsite-1-{commands}", ["vda", "vdb"]
    held.process.tell("open_view", machine=held.machine, base=None, name=name, disks=disks)
    return eventually(lambda: "still" if is_stopped(held.process.pid) else is_answered(held)) == "still"


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")


def is_answered(held):
    with contextlib.suppress(NoAnswer):
        return held.process.hear(0.05)["ok"]
    return None
