"""Two real guests on two hosts, an appliance on each: one writes a record only when the other has
acknowledged its own. At every common point of their group the order is kept."""

import re
import subprocess

import pytest

import guestkit
from rig import Rig, images
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]

DATABASE = "10.7.11.3"
WORKLOADS = {
    "db01": guestkit.Workload(records_per_second=0, tier=guestkit.Tier.DATABASE, address=f"{DATABASE}/24"),
    "app01": guestkit.Workload(records_per_second=50, writes_after=DATABASE, address="10.7.11.2/24"),
}
HOSTS = {"db01": "a", "app01": "a2"}
SETS = 10


@pytest.fixture(scope="module")
def rig():
    with Rig("libvirt", forked=True) as rig:

        def furnish(host):
            for name, home in HOSTS.items():
                if home == host:
                    rig.make_guest(name, host, workload=WORKLOADS[name])

        rig.open(furnish=furnish)
        rig.add_host("a", furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests["app01"].console, 3, within_seconds=90)
        protect = ("enable-protection", *HOSTS, "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        yield rig


def sets_of(rig, name):
    return {point.set_id: point.id for point in rig.points(name) if point.set_id}


def whole_sets(rig):
    return set.intersection(*(set(sets_of(rig, name)) for name in HOSTS))


def run(*words, good=(0,)):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in good, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def look(rig, held):
    """At the common points that were not looked at yet: with many of them, older ones are thinned out.
    Gives whether there are enough."""
    for set_id in sorted(whole_sets(rig) - held.keys()):
        held[set_id] = [records(rig, name, sets_of(rig, name)[set_id]) for name in HOSTS]
    return len(held) >= SETS


def records(rig, name, point_id):
    """How many the guest's file system holds, once its journal is replayed."""
    disk = images.point_disks(rig.replica_folder("b", rig.machine(name).id), point_id)["vda"]
    raw = rig.folder / f"{name}.raw"
    images.qemu_img("convert", "-U", "-O", "raw", str(disk), str(raw))
    run("e2fsck", "-fy", raw, good=(0, 1))
    count = run("debugfs", "-R", "cat /records", raw).count("\n")
    raw.unlink()
    return count


def test_at_every_common_point_what_one_guest_wrote_after_the_other_is_in_order(rig, record_property):
    command_line.told(
        rig, "group", "create", "shop", *HOSTS, "--source", "a", "--target", "b", "--every", "5"
    )
    seen: dict[str, list[int]] = {}
    eventually(lambda: look(rig, seen), within_seconds=180)
    command_line.told(rig, "group", "delete", "shop")
    unordered = rig.guests["app01"].console.path.read_text(errors="replace").count("UNORDERED")
    held = [seen[set_id] for set_id in sorted(seen)]
    record_property("records", held)
    log = (rig.folder / "appliance-a.log").read_text()
    record_property("stood_still_seconds", re.findall(r"common-point.taken.*pause_seconds\W+([\d.]+)", log))
    for database, application in held:
        assert 0 < application <= database <= application + 1 + unordered
    assert held == sorted(held)
    assert held[-1][0] > held[0][0]
