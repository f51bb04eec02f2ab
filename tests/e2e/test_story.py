"""Two guests, one of them with two disks, through every verb and both directions, by the command line."""

import json

import pytest

import guestkit
from rig import bridges
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(turn="guests"),
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=128)
NAMES = ("web01", "db01")


@pytest.fixture(scope="module")
def rig():
    guests = {"web01": {"workload": WRITING}, "db01": {"workload": WRITING, "disk_bytes": e2e.TWO_DISKS}}
    with e2e.guests_under(guests) as rig:
        yield rig


def states(rig, *names):
    return {rig.machine(name).state for name in names}


def drill_networks(rig):
    """Those that were made for the drills of this rig; the host may have others'."""
    tags = bridges.drills(rig.folder)
    found = command_line.told(rig, "network", "list", "--site", "b")[0]["networks"]
    return [each for each in found if each["tag"] in tags]


def boots(rig, site):
    return {name: len(rig.console(site, name).boots) for name in NAMES}


def moved_without_loss(rig, job, ended, began, boots_before):
    """Every machine of the job ended in order, and its next boot verified the very last record."""
    for name in command_line.jobs_below(rig, job):
        boot = e2e.booted(began(name), boots_before[name] + 1)
        bye = ended(name).boots[-1].bye
        assert bye is not None
        assert boot.verified_last == bye
        assert len(rig.qemus(name)) == 1


def at(rig, site):
    return lambda name: rig.console(site, name)


def test_a_batch_protects_both(rig):
    words = ("enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick", "--json")
    done = rig.cli("machine", *words)
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    assert job["state"] == "succeeded"
    assert set(command_line.jobs_below(rig, job)) == set(NAMES)
    assert states(rig, *NAMES) == {"protected"}
    assert [len(rig.machine(name).disks) for name in NAMES] == [1, 2]
    for name in NAMES:
        rig.new_points(name)
        assert rig.codes(name) == {}


def test_a_drill_runs_copies_beside_the_guests_that_write_on(rig):
    before = {name: rig.guests[name].console.last_record for name in NAMES}
    job = command_line.do(rig, "test-failover", *NAMES)
    for name, facts in command_line.facts_of(rig, job, "Proof").items():
        seen = facts.evidence
        assert (seen.power, seen.agent, seen.proven, seen.picture) == ("running", "none", False, "none"), name
    for name in NAMES:
        boot = e2e.booted(rig.console("b", f"{name}-test"), 1)
        assert boot.verified_last > 0
        e2e.wait_for_record(rig.guests[name].console, before[name] + 5)
        assert len(rig.qemus(name)) == 1
        assert len(rig.qemus(f"{name}-test")) == 1
        rig.new_points(name)
    assert [network["isolated"] for network in drill_networks(rig)] == [True]


def test_what_would_pull_the_drill_away_is_refused_and_the_message_says_what_is_possible(rig):
    refusal = command_line.do(rig, "disable-protection", "web01", exit_code=4)["error"]
    assert refusal["code"] == "not-possible-now"
    assert "test failover running" in refusal["message"]
    assert "cleanup_test_failover" in refusal["do"]


def test_the_clean_up_leaves_nothing_of_the_drill_but_its_notes(rig):
    command_line.do(rig, "cleanup-test-failover", *NAMES, "--notes", "boots and has its records")
    for name in NAMES:
        assert rig.qemus(f"{name}-test") == []
        assert "boots and has its records" in str(rig.machine(name).drill.notes)
        rig.new_points(name)
    assert drill_networks(rig) == []


def test_a_planned_failover_loses_no_record(rig):
    job = command_line.do(rig, "planned-failover", *NAMES)
    assert states(rig, *NAMES) == {"planned_failed_over"}
    moved_without_loss(rig, job, lambda name: rig.guests[name].console, at(rig, "b"), dict.fromkeys(NAMES, 0))


def test_cancelling_it_starts_the_old_machine_and_replication_goes_on_with_changes_only(rig):
    before = rig.machine("web01")
    command_line.do(rig, "cancel-failover", "web01")
    assert states(rig, "web01") == {"protected"}
    boot = e2e.booted(rig.guests["web01"].console, 2)
    assert boot.verified_last == rig.guests["web01"].console.boots[0].bye
    assert len(rig.qemus("web01")) == 1
    rig.new_points("web01", 2)
    after = rig.machine("web01")
    assert after.replication.synchronization is None
    assert after.replication.total_wire_bytes - before.replication.total_wire_bytes < 16 * MiB


def test_the_other_one_is_committed_and_comes_home_without_losing_a_record(rig):
    command_line.do(rig, "commit", "db01")
    eventually(lambda: len(rig.points("db01")) == 1)
    job = command_line.do(rig, "reprotect", "db01")
    assert command_line.facts_of(rig, job, "Synchronize")["db01"].wire_bytes < 16 * MiB
    assert rig.machine("db01").active_site == "b"
    home = boots(rig, "a")
    job = command_line.do(rig, "planned-failover", "db01")
    moved_without_loss(rig, job, at(rig, "b"), at(rig, "a"), home)
    command_line.do(rig, "commit", "db01")
    command_line.do(rig, "reprotect", "db01")
    assert states(rig, *NAMES) == {"protected"}
    assert {rig.machine(name).target_site for name in NAMES} == {"b"}


def test_both_fail_over_when_the_site_is_lost(rig):
    for name in NAMES:
        rig.new_points(name, 2)
    before = boots(rig, "b")
    rig.lose("a")
    job = command_line.do(rig, "failover", *NAMES, "--choice", "latest_processed")
    for name, facts in command_line.facts_of(rig, job, "Failover").items():
        assert facts.loses_seconds < 30
        e2e.booted(rig.console("b", name), before[name] + 1)
    assert states(rig, *NAMES) == {"failed_over"}


def test_another_point_is_older_and_whole(rig):
    for name in NAMES:
        older = rig.points(name)[-2]
        console = rig.console("b", name)
        number, records = len(console.boots), console.boots[-1].verified_last
        command_line.do(rig, "change-recovery-point", name, "--point", older.id)
        assert e2e.booted(console, number + 1).verified_last <= records
        assert rig.machine(name).failover.point_id == older.id


def test_after_commit_and_the_return_of_the_site_only_changes_travel_home(rig):
    command_line.do(rig, "commit", *NAMES)
    eventually(lambda: [len(rig.points(name)) for name in NAMES] == [1, 1])
    rig.appliances["a"].start()
    rig.wait_connected()
    assert [len(rig.qemus(name)) for name in NAMES] == [1, 1]
    job = command_line.do(rig, "reprotect", *NAMES)
    for facts in command_line.facts_of(rig, job, "Synchronize").values():
        assert facts.wire_bytes < 24 * MiB
    assert states(rig, *NAMES) == {"protected"}


def test_the_failback_loses_no_record(rig):
    home = boots(rig, "a")
    job = command_line.do(rig, "planned-failover", *NAMES)
    moved_without_loss(rig, job, at(rig, "b"), at(rig, "a"), home)
    command_line.do(rig, "commit", *NAMES)
    command_line.do(rig, "reprotect", *NAMES)
    for name in NAMES:
        rig.new_points(name)
        assert rig.machine(name).source_site == "a"


def test_a_failover_that_shuts_the_source_down_loses_no_record(rig):
    before = boots(rig, "b")
    job = command_line.do(rig, "failover", "web01", "--shut-down")
    moved_without_loss(rig, job, at(rig, "a"), at(rig, "b"), before)


def test_ending_the_protection_of_a_committed_machine_leaves_it_running_on_its_files(rig):
    command_line.do(rig, "commit", "web01")
    console = rig.console("b", "web01")
    records = console.last_record
    command_line.do(rig, "disable-protection", "web01")
    e2e.wait_for_record(console, records + 5)
    assert len(rig.qemus("web01")) == 1
    assert found_at(rig, "b", "web01").state == "unprotected"


def test_ending_protection_leaves_no_checkpoint_no_bitmap_no_tag_and_no_replica(rig):
    machine_id = rig.machine("db01").id
    console = rig.console("a", "db01")
    records = console.last_record
    command_line.do(rig, "disable-protection", "db01")
    found = found_at(rig, "a", "db01")
    assert found.state == "unprotected"
    e2e.assert_untouched(rig, "a", found.id)
    assert not rig.replica_folder("b", machine_id).exists()
    eventually(lambda: not list((rig.home("appliance-a") / "scratch").iterdir()))
    e2e.wait_for_record(console, records + 5)


def found_at(rig, site, name):
    """The machine as the site's inventory has it."""
    with rig.client() as vault:
        (seen,) = vault.machines.discovered(site)
    return next(each for each in seen.machines if each.name == name)
