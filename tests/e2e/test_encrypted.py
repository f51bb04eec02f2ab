"""A guest whose replica is encrypted, through drill, failover, reprotect and failback, by the command
line."""

import json
import shlex
import subprocess

import pytest

import guestkit
from rig import Rig, images
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
NEEDLE = b"secondsite" * 20
"""Stands all over the guest's disk."""
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=128)
PROTECT = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick", "--encrypt")


@pytest.fixture(scope="module")
def rig():
    rig = Rig("libvirt", forked=True)

    def furnish(site):
        if site == "a":
            rig.make_guest("web01", workload=WRITING, filled_bytes=4 * MiB)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests["web01"].console, 3, within_seconds=90)
        yield rig


def key_file(rig):
    return rig.home("appliance-b") / "encryption.key"


def restart(rig, site, *arguments):
    """kill -9, and start with other arguments."""
    process = rig.appliances[site]
    process.kill()
    process.arguments = ["appliance", "run", "--home", str(rig.home(f"appliance-{site}")), *arguments]
    process.start()
    rig.wait_connected()


def readable_files(folder):
    """Files that show what the guest's disk holds."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file() and NEEDLE in path.read_bytes():
                found.append(path)
        except FileNotFoundError:
            continue
    return found


def assert_nothing_readable_at_b(rig):
    home = rig.home("appliance-b")
    assert [found for name in ("store", "scratch") for found in readable_files(home / name)] == []


def moved_without_loss(rig, ended, began, boots_before):
    boot = e2e.booted(began, boots_before + 1)
    assert ended.boots[-1].bye is not None
    assert boot.verified_last == ended.boots[-1].bye
    assert len(rig.qemus("web01")) == 1


def at_a(rig):
    return rig.guests["web01"].console


def at_b(rig):
    return rig.console("b", "web01")


def test_a_site_without_a_key_refuses_and_says_how_to_give_one(rig):
    job = command_line.told(rig, "machine", *PROTECT, exit_code=1)
    said = job["tasks"][0]["problem"]["message"]
    assert "This site cannot encrypt" in said
    assert "secondsite appliance set-key" in said
    made = rig.cli("appliance", "set-key", "--home", str(rig.home("appliance-b")))
    assert made.returncode == 0, made.stderr
    assert key_file(rig).stat().st_mode & 0o777 == 0o600
    again = rig.cli("appliance", "set-key", "--home", str(rig.home("appliance-b")))
    assert again.returncode == 4, again.stderr
    restart(rig, "b")


def test_nothing_of_the_disk_can_be_read_in_the_store(rig):
    command_line.told(rig, "machine", *PROTECT)
    rig.new_points("web01", 2)
    found = rig.machine("web01")
    assert found.encryption.wanted
    assert found.encryption.key_id
    assert readable_files(rig.home("appliance-a") / "machines")
    assert_nothing_readable_at_b(rig)


def test_plain_qemu_boots_a_point_with_the_key_file(rig, tmp_path):
    point = rig.points("web01")[-1]
    folder = rig.replica_folder("b", rig.machine("web01").id)
    told = images.manifest(rig.replica_folder("b", folder.name), point.id)["how_to_boot"].partition(": ")[2]
    words = shlex.split(told.replace("KEYFILE", str(key_file(rig))), comments=True)
    console = guestkit.Console(tmp_path / "console.log")
    plain = guestkit.qemu_arguments(guestkit.build(), [], console.path, name="web01")
    process = subprocess.Popen([*plain, *words[words.index("-snapshot") :]], cwd=folder)
    try:
        console.wait_for(lambda seen: seen.boots or process.poll() is not None, 150)
        assert process.poll() is None
        assert e2e.booted(console, 1).verified_last > 0
    finally:
        process.kill()
        process.wait(10)


def test_a_drill_runs_on_encrypted_overlays(rig):
    command_line.do(rig, "test-failover", "web01")
    assert e2e.booted(rig.console("b", "web01-test"), 1).verified_last > 0
    assert_nothing_readable_at_b(rig)
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_the_key_is_changed_and_older_points_and_replication_go_on_with_it(rig):
    before, point = rig.machine("web01").encryption.key_id, rig.points("web01")[-1]
    change = ("appliance", "change-key", "--home", str(rig.home("appliance-b")), "--json")
    refused = rig.cli(*change)
    assert refused.returncode == 4, refused.stderr
    assert "An appliance runs" in refused.stderr
    rig.appliances["b"].kill()
    changed = rig.cli(*change)
    assert changed.returncode == 0, changed.stderr
    told = json.loads(changed.stdout)
    assert (told["former_key_id"], told["replicas"], told["others"]) == (before, 1, [])
    rig.appliances["b"].start()
    rig.wait_connected()
    eventually(lambda: rig.machine("web01").encryption.key_id == told["key_id"], 30)
    rig.new_points("web01", 2)
    assert command_line.told(rig, "point", "verify", "web01", point.id)["state"] == "succeeded"
    assert_nothing_readable_at_b(rig)


def test_another_key_is_named_and_loses_nothing(rig, tmp_path):
    right = rig.machine("web01").encryption.key_id
    other = tmp_path / "other"
    other.write_text("x" * 64)
    other.chmod(0o600)
    restart(rig, "b", "--encryption-key-file", str(other))
    eventually(lambda: "encryption-key-wrong" in rig.codes("web01"), 30)
    assert right in rig.codes("web01")["encryption-key-wrong"]
    restart(rig, "b", "--encryption-key-file", str(tmp_path / "absent"))
    eventually(lambda: "encryption-key-missing" in rig.codes("web01"), 30)
    assert rig.points("web01")
    restart(rig, "b")
    rig.new_points("web01", 2)
    assert {"encryption-key-wrong", "encryption-key-missing"}.isdisjoint(rig.codes("web01"))


def test_a_planned_failover_loses_no_record(rig):
    point = rig.points("web01")[-1]
    assert command_line.told(rig, "point", "verify", "web01", point.id)["state"] == "succeeded"
    command_line.do(rig, "planned-failover", "web01")
    moved_without_loss(rig, at_a(rig), at_b(rig), 0)
    command_line.do(rig, "commit", "web01")


def test_the_encrypted_machine_outlives_its_appliance_and_only_its_changes_go_home(rig):
    records = at_b(rig).last_record
    restart(rig, "b")
    e2e.wait_for_record(at_b(rig), records + 5)
    job = command_line.do(rig, "reprotect", "web01")
    assert command_line.facts_of(rig, job, "Synchronize")["web01"].wire_bytes < 16 * MiB
    rig.new_points("web01", 2)
    assert rig.codes("web01") == {}
    assert_nothing_readable_at_b(rig)


def test_the_failback_loses_no_record_and_the_original_is_as_plain_as_it_was(rig):
    boots = len(at_a(rig).boots)
    command_line.do(rig, "planned-failover", "web01")
    moved_without_loss(rig, at_b(rig), at_a(rig), boots)
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01", 2)
    found = rig.machine("web01")
    assert (found.source_site, found.state, bool(found.encryption.key_id)) == ("a", "protected", True)
    assert_nothing_readable_at_b(rig)


def test_another_point_can_be_taken_after_a_failover(rig):
    boots = len(at_b(rig).boots)
    command_line.do(rig, "failover", "web01", "--shut-down", "--choice", "latest_processed")
    e2e.booted(at_b(rig), boots + 1)
    command_line.do(rig, "change-recovery-point", "web01", "--point", rig.points("web01")[-2].id)
    assert e2e.booted(at_b(rig), boots + 2).verified_last > 0
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "disable-protection", "web01")
    assert len(rig.qemus("web01")) >= 1
