"""Two guests with the real guest agent and hooks: app-consistent points are what they say, and freezing
never lasts."""

import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import guestkit
from rig import images
from rig.background import Background
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=128)
NAMES = ("web01", "db01")
BUDGET_SECONDS = 10


@pytest.fixture(scope="module")
def rig():
    make = {"workload": WRITING, "kind": guestkit.Kind.AGENT}
    guests = {"web01": make, "db01": {**make, "disk_bytes": e2e.TWO_DISKS}}
    folder = Path(tempfile.mkdtemp(prefix="ss-"))
    with e2e.guests_under(guests, folder=folder, app_consistent_every_seconds=4) as rig:
        command_line.do(
            rig, "enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


class Silence(Background):
    """The longest time, in seconds, for which a guest wrote no record."""

    def __init__(self, console):
        super().__init__({"silence": self._run})
        self._console = console
        self.longest = 0.0

    def _run(self):
        record, since = self._console.last_record, time.monotonic()
        while not self.ended.wait(0.05):
            self.longest = max(self.longest, time.monotonic() - since)
            if self._console.last_record != record:
                record, since = self._console.last_record, time.monotonic()


def in_guest(rig, name, line):
    """A shell command inside the guest, at site a, once its agent answers: it does not while it freezes."""
    eventually(lambda: asked_in_guest(rig, name, line), within_seconds=90)


def asked_in_guest(rig, name, line):
    try:
        e2e.ask(rig, "a", "in_guest", machine=rig.guests[name].fabric_id, line=line)
    except AssertionError:
        return False
    return True


def app_points(rig, name):
    return [point for point in rig.points(name) if point.consistency == "app"]


def new_app_point(rig, name, within_seconds=60):
    before = {point.id for point in app_points(rig, name)}
    return eventually(
        lambda: next((point for point in app_points(rig, name) if point.id not in before), None),
        within_seconds,
    )


def raw_disks(rig, name, point_id):
    """Each disk at a point, as a plain image that is removed after its turn."""
    machine_id = rig.machine(name).id
    folder = rig.replica_folder("b", machine_id)
    for disk in images.manifest(rig.replica_folder("b", machine_id), point_id)["disks"]:
        raw = rig.folder / f"{disk['key']}.raw"
        images.qemu_img("convert", "-U", "-O", "raw", str(folder / disk["file"]), str(raw))
        yield disk["key"], raw
        raw.unlink()


def journals(rig, name, point_id):
    """Which disks' file systems would have to replay their journals."""
    return {
        key: "needs_recovery" in run("dumpe2fs", "-h", raw) for key, raw in raw_disks(rig, name, point_id)
    }


def run(*words, good=(0,)):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in good, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def assert_whole(rig, name, point_id):
    """The file systems at the point were not in use, and a check finds nothing to mend."""
    assert set(journals(rig, name, point_id).values()) == {False}
    for _, raw in raw_disks(rig, name, point_id):
        run("e2fsck", "-fn", raw)


def test_a_point_that_the_guests_agreed_to_holds_clean_file_systems(rig):
    for name in NAMES:
        assert_whole(rig, name, new_app_point(rig, name).id)


def test_other_points_hold_file_systems_that_were_in_use(rig):
    point = next(point for point in reversed(rig.points("web01")) if point.consistency == "crash")
    assert journals(rig, "web01", point.id) == {"vda": True}


def test_the_guests_hooks_run_before_and_after(rig):
    point = new_app_point(rig, "db01")
    for _, raw in raw_disks(rig, "db01", point.id):
        hooks = run("debugfs", "-R", "cat /hooks", raw).splitlines()
        records = run("debugfs", "-R", "cat /records", raw).count("\n")
        said = [line.split()[0] for line in hooks]
        assert said == ["freeze", "thaw"] * (len(said) // 2) + ["freeze"]
        assert records >= int(hooks[-1].split()[1])
    rig.guests["db01"].console.wait_for("HOOK freeze\n(.*\n)*HOOK thaw")


def test_a_group_has_common_points_that_all_its_guests_agreed_to(rig):
    places = ("--source", "a", "--target", "b", "--every", "5", "--app-consistent")
    command_line.told(rig, "group", "create", "shop", *NAMES, *places)
    chosen = eventually(lambda: common_app_points(rig), within_seconds=60)
    assert len({point["set_id"] for point in chosen.values()}) == 1
    for name, point in chosen.items():
        assert point["consistency"] == "app"
        assert_whole(rig, name, point["id"])
    command_line.told(rig, "group", "delete", "shop")


def common_app_points(rig):
    """The point of each machine that the choice takes now; None before there is one."""
    choice = ("--choice", "latest_multi_vm_app_consistent")
    with rig.client() as vault:
        if vault.groups["shop"].show().newest_app_set is None:
            return None
    return {name: command_line.told(rig, "point", "preview", name, *choice)["point"] for name in NAMES}


def test_a_hook_that_hangs_costs_the_consistency_of_a_point_but_never_the_guest(rig):
    console = rig.guests["web01"].console
    in_guest(rig, "web01", "echo 23 > /run/hook-hangs")
    with Silence(console) as silence:
        point = eventually(
            lambda: next((p for p in rig.points("web01") if "could not be frozen" in (p.reason or "")), None),
            within_seconds=90,
        )
        assert point.consistency == "crash"
        # the target tells of the point, the source of the finding: either may come first
        assert eventually(lambda: "app-consistency-degraded" in rig.codes("web01"), within_seconds=30)
        in_guest(rig, "web01", "rm /run/hook-hangs")
        new_app_point(rig, "web01", within_seconds=120)
    assert silence.longest < BUDGET_SECONDS
    eventually(lambda: "app-consistency-degraded" not in rig.codes("web01"), within_seconds=30)


def test_an_appliance_that_is_killed_while_a_guest_stands_frozen_leaves_it_to_its_watchdog(
    rig, record_property
):
    console = rig.guests["web01"].console
    appliance = rig.appliances["a"]
    e2e.ask(rig, "a", "die_at", seam="appliance.cycle.frozen")
    with Silence(console) as silence:
        eventually(lambda: not appliance.is_alive, within_seconds=60)
        e2e.wait_for_record(console, console.last_record + 10)
    record_property("seconds_without_a_record", round(silence.longest, 2))
    assert silence.longest < BUDGET_SECONDS
    appliance.start()
    rig.wait_connected()
    for name in NAMES:
        new_app_point(rig, name)
    records = rig.home("appliance-a") / "fabric-work" / "frozen"
    eventually(lambda: not list(records.iterdir()), within_seconds=30)


def test_a_failover_takes_the_newest_point_that_the_guests_agreed_to(rig):
    rig.lose("a")
    job = command_line.do(rig, "failover", *NAMES, "--choice", "latest_app_consistent")
    for name, facts in command_line.facts_of(rig, job, "Failover").items():
        assert facts.point_id == app_points(rig, name)[-1].id
        assert e2e.booted(rig.console("b", name), 1).verified_last > 0
