"""For a day the source site and a token of the vault are in hostile hands. The target keeps what it promised,
and a clean point boots.

A second of the test is almost half an hour of the target's uptime, by which points and the deletion delay
age; the delay is the default one.
"""

import json
import subprocess
import sys
import time
from datetime import datetime

import pytest

import guestkit
from rig import Rig, images
from rig.eventually import eventually
from secondsite.domain import retention
from secondsite.domain.points import RecoveryPoint
from secondsite.ground.units import DAY
from secondsite.ground.uptime import Uptime
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(420),
]
SPEED = 1440
NAME = "web01"
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=128)


@pytest.fixture(scope="module")
def rig():
    rig = Rig("libvirt", forked=True)
    for site, process in rig.appliances.items():
        process.module = "tests.e2e.hostile.altered_appliance"
        alters = {"LIES": str(lies(rig))} if site == "a" else {"SPEED": str(SPEED)}
        process.environment = {**process.environment, **alters}

    def furnish(site):
        if site == "a":
            rig.make_guest(NAME, workload=WRITING)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick(retention_seconds=7 * DAY).model_dump())
        e2e.wait_for_record(rig.guests[NAME].console, 3, within_seconds=90)
        yield rig


def lies(rig):
    return rig.folder / "lies"


def manifests(folder):
    return [json.loads(path.read_text()) for path in folder.glob("points/*.json")]


def point_of(manifest):
    return RecoveryPoint(
        manifest["point_id"],
        datetime.fromisoformat(manifest["taken_at"]),
        epoch=manifest["epoch"],
        seq=manifest["seq"],
        set_id=manifest["set_id"],
        uptime=Uptime(**manifest["uptime"]),
    )


def promised(clean, newest):
    """What the target's own rules keep of the clean points when the newest is the only one since."""
    found = [point_of(each) for each in clean]
    gone = {each.id for each in retention.to_drop([*found, point_of(newest)], 7 * DAY)}
    return {each.id for each in found} - gone


def at_the_target(rig, *words):
    command = [sys.executable, "-m", "secondsite.entry.main", "appliance", "trash", *words, "--json"]
    command += ["--home", str(rig.home("appliance-b"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def start_by_hand(rig, name):
    """As its owner would, with a tool of the hypervisor; the appliance is stopped."""
    program = (
        "import sys; from pathlib import Path; from secondsite.entry import appliance_main\n"
        "with appliance_main.at_rest(Path(sys.argv[1]), None) as (_, _, fabric):\n"
        "    (found,) = [each for each in fabric.inventory.list() if each.name == sys.argv[2]]\n"
        "    fabric.power.start(found.fabric_id)\n"
    )
    command = [sys.executable, "-c", program, str(rig.home("appliance-b")), name]
    subprocess.run(command, check=True, timeout=90)


def ravage(rig, ids, until):
    """All that a token can do to history, again and again, while the source lies about its points."""
    lies(rig).touch()
    command_line.told(rig, "point", "hold", NAME, ids[0], "--reason", "clean")
    command_line.told(rig, "point", "release", NAME, ids[0])
    while time.monotonic() < until:
        command_line.told(rig, "policy", "update", "quick", "--retention", "365d")
        command_line.told(rig, "policy", "update", "quick", "--retention", "0s")
        rig.new_points(NAME)
    command_line.do(rig, "disable-protection", NAME)
    command_line.told(rig, "policy", "delete", "quick")


def test_after_a_day_in_hostile_hands_every_promised_point_is_there_and_a_clean_one_boots(rig):
    words = ("enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    command_line.told(rig, "machine", *words)
    rig.new_points(NAME, 8)
    folder = rig.replica_folder("b", rig.machine(NAME).id)
    clean = manifests(folder)
    ids = sorted(each["point_id"] for each in clean)
    digests = {each: images.point_digests(folder, each) for each in ids}
    record = rig.guests[NAME].console.last_record

    ravage(rig, ids, until=time.monotonic() + DAY / SPEED)
    (kept,) = eventually(lambda: list((rig.home("appliance-b") / "store" / "trash").glob("*.*")), 30)
    later = max(manifests(kept), key=lambda each: each["seq"])
    assert later["set_id"].startswith("forged")
    assert point_of(later).uptime.since(point_of(clean[0]).uptime) > DAY
    rig.lose("a")
    rig.vault.kill()

    left = promised(clean, later)
    assert len(left) > 2
    assert left <= {each["point_id"] for each in manifests(kept)}
    for each in left:
        assert images.point_digests(kept, each) == digests[each]
    rig.appliances["b"].kill()
    (item,) = at_the_target(rig, "list")["kept"]
    assert item["machine"] == NAME
    chosen = max(left)
    at_the_target(rig, "restore", item["item"], "--point", chosen, "--name", "clean01")
    start_by_hand(rig, "clean01")
    boot = e2e.booted(rig.console("b", "clean01"), 1)
    assert 0 < boot.verified_last <= record + 10
