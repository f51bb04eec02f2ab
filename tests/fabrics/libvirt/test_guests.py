"""Real Linux guests that write on: views are true, hosting boots, merges lose nothing, freezing is real."""

import contextlib
import hashlib
import json
import secrets
import subprocess
import threading
import uuid

import libvirt
import nbd
import pytest

import guestkit
from secondsite.datapath import image
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, PowerState, SessionRequest
from tests.support.eventually import eventually

pytestmark = pytest.mark.guest

TAG = "33333333-2222-4333-8444-555555555555"
MAC = "52:54:00:0a:0b:0c"
BUSY = guestkit.Workload(records_per_second=20, load_kib_per_second=1024, load_run_kib=64)


class GuestMachine:
    """A machine with a writer inside, and its console."""

    def __init__(self, rig, kind=guestkit.Kind.WRITER, workload=BUSY, nics=()):
        name = f"guest-{uuid.uuid4().hex[:8]}"
        self.rig = rig
        self.disk = rig.images / f"{name}.qcow2"
        guestkit.make_disk(self.disk)
        self.console = guestkit.Console(rig.images / f"{name}.log")
        guest = guestkit.build(kind=kind)
        xml = guestkit.domain_xml(
            name, str(uuid.uuid4()), guest, [self.disk], nics, self.console.path, workload=workload
        )
        self.id = rig.define(xml)
        self.boots = 0

    def boot(self):
        self.rig.fabric.power.start(self.id)
        self.boots += 1
        boot = self.console.wait_for_boot(self.boots, within_seconds=90)
        assert boot.ready, boot.lines
        return boot

    def protect(self):
        self.rig.fabric.tracking.enable(self.id, TAG)

    def writes_on(self):
        said = self.console.last_record
        self.console.wait_for(lambda console: console.last_record > said + 2, within_seconds=60)


@pytest.fixture
def guest(rig):
    machine = GuestMachine(rig)
    machine.boot()
    machine.protect()
    return machine


@contextlib.contextmanager
def view(rig, machine, base=None, app_consistent=False):
    name = f"secondsite-1-{secrets.token_hex(4)}"
    request = SessionRequest(machine.id, ("vda",), base, name, rig.scratch_dir, app_consistent)
    with rig.fabric.tracking.open(request) as session:
        yield session


def digest(disk):
    with _connected(disk) as handle:
        size = handle.get_size()
        return hashlib.sha256(
            b"".join(bytes(handle.pread(1 << 20, at)) for at in range(0, size, 1 << 20))
        ).hexdigest()


@contextlib.contextmanager
def _connected(disk):
    handle = nbd.NBD()
    handle.set_export_name(disk.export)
    handle.connect_unix(str(disk.socket))
    try:
        yield handle
    finally:
        handle.shutdown()


def digest_of_image(rig, path):
    raw = rig.images / f"{uuid.uuid4().hex}.raw"
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", path, raw], check=True, timeout=60)
    return hashlib.sha256(raw.read_bytes()).hexdigest()


def test_a_view_holds_the_very_instant_while_the_guest_writes_on(rig, guest):
    domain = rig.domain(guest.id)
    domain.suspend()
    rig.human(guest.id, 'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "flush"')
    truth = digest_of_image(rig, guest.disk)
    with view(rig, guest) as session:
        domain.resume()
        guest.writes_on()
        assert digest(session.disks[0]) == truth
        guest.writes_on()
        assert digest(session.disks[0]) == truth
    assert digest_of_image(rig, guest.disk) != truth


def test_deltas_rebuild_the_disk_of_a_writing_guest(rig, guest):
    copy = bytearray(64 << 20)
    base = None
    for _ in range(4):
        with view(rig, guest, base) as session:
            disk = session.disks[0]
            assert bool(disk.bitmaps) is (base is not None)
            blocks = steps.dirty_blocks(disk) if base else range(len(copy) // 65536)
            with _connected(disk) as handle:
                for block in blocks:
                    copy[block * 65536 : (block + 1) * 65536] = handle.pread(65536, block * 65536)
            assert hashlib.sha256(copy).hexdigest() == digest(disk)
        rig.fabric.tracking.acknowledge(guest.id, session.checkpoint)
        base = session.checkpoint
        guest.writes_on()
    assert rig.fabric.power.shut_down(guest.id, 30)
    with view(rig, guest, base) as session:
        assert session.checkpoint is None
        with _connected(session.disks[0]) as handle:
            for block in steps.dirty_blocks(session.disks[0]):
                copy[block * 65536 : (block + 1) * 65536] = handle.pread(65536, block * 65536)
        assert hashlib.sha256(copy).hexdigest() == digest(session.disks[0])
    assert hashlib.sha256(copy).hexdigest() == digest_of_image(rig, guest.disk)


def test_scratch_space_grows_while_the_guest_overwrites_and_is_given_back(rig, guest):
    with view(rig, guest) as session:
        before = session.scratch_bytes()
        eventually(lambda: session.scratch_bytes() > before, within_seconds=60)
    assert not list(rig.scratch_dir.iterdir())


def test_a_copy_boots_on_an_isolated_bridge_with_every_record_acknowledged_before_the_view(rig, guest):
    definition = rig.fabric.inventory.get(guest.id).definition
    said = guest.console.last_record
    base = rig.images / f"{uuid.uuid4().hex}-base.qcow2"
    with view(rig, guest) as session:
        socket, export = session.disks[0].socket, session.disks[0].export
        source = f"nbd+unix:///{export}?socket={socket}"
        subprocess.run(
            ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, base], check=True, timeout=60
        )
    overlay = rig.images / f"{uuid.uuid4().hex}-run.qcow2"
    image.create_overlay(overlay, base, "qcow2", 64 << 20)
    bridge = f"ss-{secrets.token_hex(3)}"
    rig.fabric.networks.create_isolated(bridge, TAG)
    try:
        request = HostRequest(
            fabric_id=str(uuid.uuid4()), name=f"{definition.name}-test", definition=definition,
            disks={"vda": overlay}, networks={nic.key: bridge for nic in definition.nics}, tag=TAG,
        )  # fmt: skip
        rig.fabric.hosting.create(request)
        rig.fabric.power.start(request.fabric_id)
        boot = guestkit.Console(rig.work_dir / "console" / f"{request.name}.log").wait_for_boot(
            within_seconds=90
        )
        assert boot.ready, boot.lines
        assert not boot.complaints
        assert boot.verified_last >= said
        rig.fabric.hosting.remove(request.fabric_id, TAG)
    finally:
        rig.fabric.networks.remove(bridge, TAG)
    guest.writes_on()


def test_a_copy_has_its_card_on_the_isolated_bridge(rig):
    bridge, away = f"ss-{secrets.token_hex(3)}", f"ss-{secrets.token_hex(3)}"
    for name in (bridge, away):
        rig.fabric.networks.create_isolated(name, TAG)
    try:
        machine = GuestMachine(rig, nics=[guestkit.Nic(away, MAC)])
        definition = rig.fabric.inventory.get(machine.id).definition
        assert [(nic.key, nic.mac, nic.network) for nic in definition.nics] == [("net0", MAC, away)]
        copies = {}
        for network in (bridge, None):
            overlay = rig.images / f"{uuid.uuid4().hex}.qcow2"
            image.create_overlay(overlay, machine.disk, "qcow2", 64 << 20)
            request = HostRequest(
                str(uuid.uuid4()),
                f"copy-{secrets.token_hex(3)}",
                definition,
                {"vda": overlay},
                {"net0": network},
                TAG,
            )
            rig.fabric.hosting.create(request)
            copies[network] = rig.fabric.inventory.get(request.fabric_id)
        assert [(nic.mac, nic.network) for nic in copies[bridge].definition.nics] == [(MAC, bridge)]
        assert copies[None].definition.nics == ()
        rig.fabric.power.start(copies[bridge].fabric_id)
        links = json.loads(
            subprocess.run(
                ["ip", "-json", "link", "show", "master", bridge], check=True, capture_output=True, timeout=10
            ).stdout
        )
        assert len(links) == 1
        rig.clear()
    finally:
        for name in (bridge, away):
            rig.fabric.networks.remove(name, TAG)


def test_a_shut_down_ends_the_guest_in_order(rig, guest):
    assert rig.fabric.power.shut_down(guest.id, 30)
    assert guest.console.boots[-1].bye == guest.console.last_record
    assert rig.fabric.power.state(guest.id) is PowerState.OFF


def test_a_chain_is_merged_under_a_writing_guest_without_losing_a_record(rig):
    machine = GuestMachine(rig)
    middle, top = rig.images / f"{uuid.uuid4().hex}-1.qcow2", rig.images / f"{uuid.uuid4().hex}-2.qcow2"
    image.create_overlay(middle, machine.disk, "qcow2", 64 << 20)
    image.create_overlay(top, middle, "qcow2", 64 << 20)
    machine.protect()
    definition = rig.fabric.hosting.withdraw(machine.id, TAG)
    request = HostRequest(machine.id, definition.name, definition, {"vda": top}, {}, TAG)
    rig.fabric.hosting.create(request)
    machine.console = guestkit.Console(rig.work_dir / "console" / f"{definition.name}.log")
    machine.boot()
    machine.writes_on()
    told = []
    rig.fabric.hosting.consolidate(machine.id, {"vda": machine.disk}, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    machine.writes_on()
    said = machine.console.last_record
    rig.kill(machine.id)
    eventually(lambda: rig.fabric.power.state(machine.id) is PowerState.OFF)
    middle.unlink()
    top.unlink()
    boot = machine.boot()
    assert not boot.complaints
    assert boot.verified_last >= said


def test_an_app_consistent_view_is_taken_while_the_guest_is_frozen_and_thaws_it(rig):
    machine = GuestMachine(rig, kind=guestkit.Kind.AGENT)
    machine.boot()
    machine.protect()
    eventually(lambda: "state='connected'" in rig.domain(machine.id).XMLDesc(), within_seconds=30)
    with view(rig, machine, app_consistent=True) as session:
        assert (session.consistency, session.reason) == ("app", None)
        assert 0 < session.pause_seconds < 10
        machine.writes_on()
    machine.writes_on()


def test_without_an_agent_the_view_is_crash_consistent_and_says_why(rig, guest):
    with view(rig, guest, app_consistent=True) as session:
        assert session.consistency == "crash"
        assert "guest agent" in session.reason


def test_a_foreign_backup_job_is_left_alone(rig, guest):
    domain = rig.domain(guest.id)
    socket = rig.images / "foreign.sock"
    domain.backupBegin(
        f"<domainbackup mode='pull'><server transport='unix' socket='{socket}'/></domainbackup>", None, 0
    )
    try:
        with pytest.raises(errors.FabricError, match="Another job"), view(rig, guest):
            pass
        assert domain.jobInfo()[0] != 0
    finally:
        domain.abortJob()
    eventually(
        lambda: domain.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
    )  # an abort ends later than its call
    with view(rig, guest) as session:
        assert session.checkpoint


def test_a_foreign_checkpoint_survives_all_that_we_do(rig, guest):
    domain = rig.domain(guest.id)
    xml = "<domaincheckpoint><name>theirs</name><disks><disk name='vda' checkpoint='bitmap'/></disks></domaincheckpoint>"
    domain.checkpointCreateXML(xml, 0)
    assert [one.blocking for one in rig.fabric.tracking.check(guest.id)] == [False]
    with view(rig, guest) as first:
        pass
    rig.fabric.tracking.acknowledge(guest.id, first.checkpoint)
    with view(rig, guest, first.checkpoint) as second:
        assert second.disks[0].bitmaps
    rig.fabric.tracking.disable(guest.id)
    assert [one.getName() for one in domain.listAllCheckpoints()] == ["theirs"]


def test_a_hold_that_lasts_too_long_is_given_up_and_the_guest_goes_on(rig, guest):
    with pytest.raises(errors.DeadlineExceeded), rig.fabric.quiescing.hold([guest.id], budget_seconds=0.3):
        eventually(lambda: not rig.stands_still(guest.id), within_seconds=20)
    assert not rig.stands_still(guest.id)


def test_two_threads_cannot_view_the_same_machine(rig, guest):
    refusals = []

    def second():
        try:
            with view(rig, guest):
                pass
        except errors.FabricError as error:
            refusals.append(error)

    with view(rig, guest):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=30)
    assert len(refusals) == 1
