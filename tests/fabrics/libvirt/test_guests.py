"""Real Linux guests that write on: views are true, hosting boots, merges lose nothing, freezing is real."""

import hashlib
import json
import secrets
import subprocess
import threading
import uuid
from typing import Any

import libvirt
import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from secondsite.datapath.disks import image
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, PowerState
from tests.fabrics.libvirt.support_guests import MAC, TAG, GuestMachine, connected, digest, view

pytestmark = [pytest.mark.every(by="test"), pytest.mark.guest, pytest.mark.longest]


@pytest.fixture
def guest(host):
    machine = GuestMachine(host)
    machine.boot()
    machine.protect()
    return machine


def test_a_view_holds_the_very_instant_while_the_guest_writes_on(host, guest):
    domain = host.domain(guest.id)
    domain.suspend()
    host.human(guest.id, 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "flush"')
    truth = images.digest(guest.disk)
    with view(host, guest) as session:
        domain.resume()
        guest.writes_on()
        assert digest(session.disks[0]) == truth
        guest.writes_on()
        assert digest(session.disks[0]) == truth
    assert images.digest(guest.disk) != truth


def test_deltas_rebuild_the_disk_of_a_writing_guest(host, guest):
    copy = bytearray(64 << 20)
    base = None
    for _ in range(4):
        with view(host, guest, base) as session:
            disk = session.disks[0]
            assert bool(disk.bitmaps) is (base is not None)
            blocks = steps.dirty_blocks(disk) if base else range(len(copy) // 65536)
            with connected(disk) as handle:
                for block in blocks:
                    copy[block * 65536 : (block + 1) * 65536] = handle.pread(65536, block * 65536)
            assert hashlib.sha256(copy).hexdigest() == digest(disk)
        host.fabric.tracking.acknowledge(guest.id, session.checkpoint)
        base = session.checkpoint
        guest.writes_on()
    assert host.fabric.power.shut_down(guest.id, 30)
    with view(host, guest, base) as session:
        assert session.at_rest
        with connected(session.disks[0]) as handle:
            for block in steps.dirty_blocks(session.disks[0]):
                copy[block * 65536 : (block + 1) * 65536] = handle.pread(65536, block * 65536)
        assert hashlib.sha256(copy).hexdigest() == digest(session.disks[0])
    assert hashlib.sha256(copy).hexdigest() == images.digest(guest.disk)


def test_scratch_space_grows_while_the_guest_overwrites_and_is_given_back(host, guest):
    with view(host, guest) as session:
        before = session.scratch_bytes()
        eventually(lambda: session.scratch_bytes() > before, within_seconds=60)
    assert not list(host.scratch_dir.iterdir())


def test_a_copy_boots_on_an_isolated_bridge_with_every_record_acknowledged_before_the_view(host, guest):
    definition = host.fabric.inventory.get(guest.id).definition
    said = guest.console.last_record
    base = host.images / f"{uuid.uuid4().hex}-base.qcow2"
    with view(host, guest) as session:
        socket, export = session.disks[0].socket, session.disks[0].export
        source = f"nbd+unix:///{export}?socket={socket}"
        subprocess.run(
            ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, base], check=True, timeout=60
        )
    overlay = host.images / f"{uuid.uuid4().hex}-run.qcow2"
    image.create_overlay(overlay, base, "qcow2", 64 << 20)
    bridge = f"ss-{secrets.token_hex(3)}"
    host.fabric.networks.create_isolated(bridge, TAG)
    try:
        request = HostRequest(
            fabric_id=str(uuid.uuid4()), name=f"{definition.name}-test", definition=definition,
            disks={"vda": overlay}, networks={nic.key: bridge for nic in definition.nics}, tag=TAG,
        )  # fmt: skip
        host.fabric.hosting.create(request)
        host.fabric.power.start(request.fabric_id)
        boot = guestkit.Console(host.work_dir / "console" / f"{request.name}.log").wait_for_boot(
            within_seconds=90
        )
        assert boot.ready, boot.lines
        assert not boot.complaints
        assert boot.verified_last >= said
        host.fabric.hosting.remove(request.fabric_id, TAG)
    finally:
        host.fabric.networks.remove(bridge, TAG)
    guest.writes_on()


def test_a_copy_has_its_card_on_the_isolated_bridge(host):
    bridge, away = f"ss-{secrets.token_hex(3)}", f"ss-{secrets.token_hex(3)}"
    for name in (bridge, away):
        host.fabric.networks.create_isolated(name, TAG)
    try:
        machine = GuestMachine(host, nics=[guestkit.Nic(away, MAC)])
        definition = host.fabric.inventory.get(machine.id).definition
        assert [(nic.key, nic.mac, nic.network) for nic in definition.nics] == [("net0", MAC, away)]
        copies = {}
        for network in (bridge, None):
            overlay = host.images / f"{uuid.uuid4().hex}.qcow2"
            image.create_overlay(overlay, machine.disk, "qcow2", 64 << 20)
            request = HostRequest(
                str(uuid.uuid4()),
                f"copy-{secrets.token_hex(3)}",
                definition,
                {"vda": overlay},
                {"net0": network},
                TAG,
            )
            host.fabric.hosting.create(request)
            copies[network] = host.fabric.inventory.get(request.fabric_id)
        assert [(nic.mac, nic.network) for nic in copies[bridge].definition.nics] == [(MAC, bridge)]
        assert copies[None].definition.nics == ()
        host.fabric.power.start(copies[bridge].fabric_id)
        links = json.loads(
            subprocess.run(
                ["ip", "-json", "link", "show", "master", bridge], check=True, capture_output=True, timeout=10
            ).stdout
        )
        assert len(links) == 1
        host.clear()
    finally:
        for name in (bridge, away):
            host.fabric.networks.remove(name, TAG)


def test_a_shut_down_ends_the_guest_in_order(host, guest):
    assert host.fabric.power.shut_down(guest.id, 30)
    assert guest.console.boots[-1].bye == guest.console.last_record
    assert host.fabric.power.state(guest.id) is PowerState.OFF


def test_a_chain_is_merged_under_a_writing_guest_without_losing_a_record(host):
    machine = GuestMachine(host)
    middle, top = host.images / f"{uuid.uuid4().hex}-1.qcow2", host.images / f"{uuid.uuid4().hex}-2.qcow2"
    image.create_overlay(middle, machine.disk, "qcow2", 64 << 20)
    image.create_overlay(top, middle, "qcow2", 64 << 20)
    machine.protect()
    definition = host.fabric.hosting.withdraw(machine.id, TAG)
    request = HostRequest(machine.id, definition.name, definition, {"vda": top}, {}, TAG)
    host.fabric.hosting.create(request)
    machine.console = guestkit.Console(host.work_dir / "console" / f"{definition.name}.log")
    machine.boot()
    machine.writes_on()
    told: list[Any] = []
    host.fabric.hosting.consolidate(machine.id, {"vda": machine.disk}, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    machine.writes_on()
    said = machine.console.last_record
    host.kill(machine.id)
    eventually(lambda: host.fabric.power.state(machine.id) is PowerState.OFF)
    middle.unlink()
    top.unlink()
    boot = machine.boot()
    assert not boot.complaints
    assert boot.verified_last >= said


def test_an_app_consistent_view_is_taken_while_the_guest_is_frozen_and_thaws_it(host):
    machine = GuestMachine(host, kind=guestkit.Kind.AGENT)
    machine.boot()
    machine.protect()
    eventually(lambda: "state='connected'" in host.domain(machine.id).XMLDesc(), within_seconds=30)
    with view(host, machine, app_consistent=True) as session:
        assert (session.consistency, session.reason) == ("app", None)
        assert 0 < session.pause_seconds < 10
        machine.writes_on()
    machine.writes_on()


def test_without_an_agent_the_view_is_crash_consistent_and_says_why(host, guest):
    with view(host, guest, app_consistent=True) as session:
        assert session.consistency == "crash"
        assert "guest agent" in session.reason


def test_a_foreign_backup_job_is_left_alone(host, guest):
    domain = host.domain(guest.id)
    socket = host.images / "foreign.sock"
    domain.backupBegin(
        f"<domainbackup mode='pull'><server transport='unix' socket='{socket}'/></domainbackup>", None, 0
    )
    try:
        with pytest.raises(errors.FabricError, match="Another job"), view(host, guest):
            pass
        assert domain.jobInfo()[0] != 0
    finally:
        domain.abortJob()
    eventually(
        lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
    )  # an abort ends later than its call
    with view(host, guest) as session:
        assert session.checkpoint


def test_a_foreign_checkpoint_survives_all_that_we_do(host, guest):
    domain = host.domain(guest.id)
    xml = (
        "<domaincheckpoint><name>theirs</name><disks><disk name='vda' "
        "checkpoint='bitmap'/></disks></domaincheckpoint>"
    )
    domain.checkpointCreateXML(xml, 0)
    assert [one.blocking for one in host.fabric.tracking.check(guest.id)] == [False]
    with view(host, guest) as first:
        pass
    host.fabric.tracking.acknowledge(guest.id, first.checkpoint)
    with view(host, guest, first.checkpoint) as second:
        assert second.disks[0].bitmaps
    host.fabric.tracking.disable(guest.id)
    assert [one.getName() for one in domain.listAllCheckpoints()] == ["theirs"]


def test_a_hold_that_lasts_too_long_is_given_up_and_the_guest_goes_on(host, guest):
    with (
        pytest.raises(errors.DeadlineExceeded),
        host.fabric.common_pause.pause([guest.id], budget_seconds=0.3),
    ):
        eventually(lambda: not host.stands_still(guest.id), within_seconds=20)
    assert not host.stands_still(guest.id)


def test_two_threads_cannot_view_the_same_machine(host, guest):
    refusals = []

    def second():
        try:
            with view(host, guest):
                pass
        except errors.FabricError as error:
            refusals.append(error)

    with view(host, guest):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=30)
    assert len(refusals) == 1
