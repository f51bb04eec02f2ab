"""A recovery point is what the disks held at one instant, bootable without us, and enough when the site is
lost."""

import json
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from secondsite.wire.control.orders import Kind
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(turn="guests"),
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
ROUNDS = 5
WRITING = guestkit.Workload(records_per_second=10, load_kib_per_second=512, load_span_mib=8)
NAMES = ("web01", "db01")


@pytest.fixture(scope="module")
def rig():
    guests = {"web01": {"workload": WRITING}, "db01": {"workload": WRITING, "disk_bytes": e2e.TWO_DISKS}}
    with e2e.guests_under(guests) as rig:
        command_line.do(
            rig, "enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


@pytest.fixture(scope="module")
def taken():
    """What each machine's disks held at each point that was taken: (machine, point id) to (record,
    digests)."""
    return {}


def disks_now(rig, name):
    paths = rig.guests[name].disks
    return {f"vd{'ab'[number]}": images.digest(path) for number, path in enumerate(paths)}


def take_points(rig):
    """All machines stand still; their disks are hashed; a point of each is taken. By machine and point id."""
    found = {}
    with e2e.standing_still(rig, "a", [rig.guests[name].fabric_id for name in NAMES]):
        for name in NAMES:
            digests = disks_now(rig, name)
            machine_id = rig.machine(name).id
            report = e2e.ask(rig, "a", "order", kind=Kind.RUN_CYCLE, machine_id=machine_id, payload={})
            assert report["problem"] is None, report
            found[name, report["facts"]["point_id"]] = (rig.guests[name].console.last_record, digests)
            assert disks_now(rig, name) == digests, "the guest did not stand still"
    return found


def has_point(rig, name, point_id):
    return any(point.id == point_id for point in rig.points(name))


def test_each_point_equals_the_disks_of_the_paused_guest_bit_for_bit(rig, taken):
    for _ in range(ROUNDS):
        records = {name: rig.guests[name].console.last_record for name in NAMES}
        for (name, point_id), (record, digests) in take_points(rig).items():
            eventually(lambda name=name, point_id=point_id: has_point(rig, name, point_id), 30)
            assert images.point_digests(rig.replica_folder("b", rig.machine(name).id), point_id) == digests
            assert digests not in [known for _, known in taken.values()], "the guest wrote nothing in between"
            taken[name, point_id] = (record, digests)
        for name in NAMES:
            e2e.wait_for_record(rig.guests[name].console, records[name] + 5)
    assert len(taken) == ROUNDS * len(NAMES)


def test_points_stay_what_they_were_while_the_guests_write_on(rig, taken):
    for name in NAMES:
        rig.new_points(name, 2)
    for (name, point_id), (_, digests) in taken.items():
        assert images.point_digests(rig.replica_folder("b", rig.machine(name).id), point_id) == digests


@pytest.mark.parametrize("name", NAMES)
def test_a_point_boots_by_plain_qemu_from_the_files_in_the_store(rig, taken, name):
    point_id, record = next((point, record) for (of, point), (record, _) in taken.items() if of == name)
    folder = rig.replica_folder("b", rig.machine(name).id)
    manifest = json.loads((folder / "points" / f"{point_id}.json").read_text())
    place = rig.folder / f"plain-{name}"
    place.mkdir()
    command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-nodefaults", "-display", "none"]
    command += ["-serial", f"file:{place / 'console'}"]
    for disk in manifest["disks"]:
        overlay = place / f"{disk['key']}.qcow2"
        images.qemu_img(
            "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(folder / disk["file"]), str(overlay)
        )
        command += ["-drive", f"file={overlay},format=qcow2,if=virtio"]
    system = ET.fromstring(manifest["definition"]["native"]).find("os")
    assert system is not None
    for option, element in (("-kernel", "kernel"), ("-initrd", "initrd"), ("-append", "cmdline")):
        command += [option, system.findtext(element, "")]
    with subprocess.Popen(command) as qemu:
        try:
            boot = guestkit.Console(place / "console").wait_for_boot(1, within_seconds=120)
        finally:
            qemu.kill()
    assert boot.complaints == ()
    # the guest may have been paused between the flush of a record and its word on the console
    assert record <= boot.verified_last <= record + 1


def point_now(rig, name):
    report = e2e.ask(rig, "a", "order", kind=Kind.RUN_CYCLE, machine_id=rig.machine(name).id, payload={})
    assert report["problem"] is None, report
    return report["facts"]["point_id"]


def cycle_of_a_pause(rig, name):
    """A time within a cycle that covers nothing but a pause of the guest, and the guest's last record
    then."""

    def processed(after):
        return [each for each in rig.machine(name).journal.stretches if each.ends_at > after]

    with e2e.standing_still(rig, "a", [rig.guests[name].fabric_id]):
        paused_at = datetime.now(UTC)
        record = rig.guests[name].console.last_record
        at = eventually(lambda: processed(paused_at), 40)[-1].ends_at
    return at, record


def test_a_drill_by_time_has_the_records_of_its_cycle_and_not_those_of_the_points_around_it(rig):
    name, console = "web01", rig.guests["web01"].console
    command_line.told(rig, "policy", "update", "quick", "--crash-consistent-every", "3600")
    before, at_least = point_now(rig, name), console.last_record
    e2e.wait_for_record(console, at_least + 5)
    at, record = cycle_of_a_pause(rig, name)
    assert at_least < record
    e2e.wait_for_record(console, record + 5)
    after = point_now(rig, name)
    eventually(lambda: has_point(rig, name, after), 30)

    job = command_line.do(rig, "test-failover", name, "--at", at.isoformat())
    facts = command_line.facts_of(rig, job, "Test failover")[name]
    assert facts.point_id == before
    boot = e2e.booted(rig.console("b", f"{name}-test"), 1)
    assert record <= boot.verified_last <= record + 1
    command_line.do(rig, "cleanup-test-failover", name)
    cycle = f"cycle {facts.forward.epoch}-{facts.forward.seq}"
    assert f"{cycle}, " in rig.machine(name).drill.notes[-1].what
    command_line.told(rig, "policy", "update", "quick", "--crash-consistent-every", "2")


def test_after_the_loss_of_the_site_each_guest_has_every_record_that_its_point_promises(rig):
    with e2e.Witness({name: rig.guests[name].console for name in NAMES}) as witness:
        for name in NAMES:
            rig.new_points(name, 2)  # the first of them may be of a time before the witness
        rig.lose("a")
    job = command_line.do(rig, "failover", *NAMES)
    for name, facts in command_line.facts_of(rig, job, "Failover").items():
        point = next(point for point in rig.points(name) if point.id == facts.point_id)
        boot = e2e.booted(rig.console("b", name), 1)
        promised = witness.acknowledged(name, point.taken_at)
        assert promised > 0
        assert boot.verified_last >= promised
        assert len(rig.qemus(name)) == 1
