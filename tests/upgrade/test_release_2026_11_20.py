"""Homes, store and database of the release of 2026-11-20, opened by today's code: nothing is lost, everything
goes on.

Each test has machines of its own among those of the fixture (fixtures/README.md says which stand how), so
their order does not matter. The fixture holds points by its operator's word, and so at any later date
retention takes none away.
"""

import json
from datetime import UTC, datetime

import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB
from tests.support import command_line
from tests.upgrade import support_upgrade as upgrade
from tests.upgrade.fixture_record import image_digest

RELEASE = "release-2026-11-20"
SAID = upgrade.said_of(RELEASE)
MACHINES = SAID["machines"]
ON_THEIR_WAY = ("half01", "half02")
REPLICATING = ("web01", "drill01", "shop01", "shop02", "safe01", *ON_THEIR_WAY)
A_FULL_COPY_BYTES = 512 * KiB
WITHIN_SECONDS = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def looks():
    """What the vault said: alone, with the target, with both."""
    return {}


@pytest.fixture(scope="module")
def rig(looks):
    """Today's vault and appliances in those homes, and the hosts' power is back."""
    with upgrade.brought_back(RELEASE) as rig:
        rig.vault.start()
        looks["alone"] = look(rig)
        upgrade.start_appliance(rig, "b")
        looks["target"] = look(rig)
        command_line.told(rig, "policy", "update", "quick", "--retention", "86400s")
        upgrade.switch_on(rig, "a", *REPLICATING, "free01")
        upgrade.switch_on(rig, "b", "gone01", "done01", "back01")
        upgrade.start_appliance(rig, "a")
        looks["both"] = look(rig)
        command_line.told(rig, "site", "limit", "a", "--rate", "unlimited")
        yield rig


def look(rig):
    with rig.client() as vault:
        machines = {each.name: each for each in vault.machines}
        points = {name: {point.id: point for point in vault.machines[name].points} for name in machines}
        return {"machines": machines, "points": points, "jobs": list(vault.jobs)}


def processed_at(rig, name):
    """The instant of the newest cycle that can be recovered."""
    return max(stretch.ends_at for stretch in rig.machine(name).journal.stretches)


def recorded(name):
    return {point["id"]: point for point in MACHINES[name]["points"]}


def held(name):
    """Ids, oldest first."""
    found = sorted((p for p in MACHINES[name]["points"] if p["held"]), key=lambda p: (p["epoch"], p["seq"]))
    return [point["id"] for point in found]


def source_digests(rig, name):
    """Of a machine's own disks at site a, off or on, which nobody has written to."""
    record = json.loads(
        (upgrade.fabric(rig, "a") / "machines" / f"{MACHINES[name]['source_fabric_id']}.json").read_text()
    )
    return {disk["key"]: image_digest(disk["path"]) for disk in record["definition"]["disks"]}


def ended(rig, name, verb):
    """The job of this verb that was under way when the power went."""
    found = [j for j in SAID["jobs"].values() if (j["subject_name"], j["name"]) == (name, verb)]
    return rig.wait_for_job(found[-1]["id"], WITHIN_SECONDS)


# ---- what was there is there
# -----------------------------------------------------------------------------------------


def test_every_machine_stands_where_it_stood(rig, looks):
    found = looks["alone"]["machines"]
    assert set(found) == set(MACHINES)
    for name in set(MACHINES) - set(ON_THEIR_WAY):
        wanted = MACHINES[name]
        assert (found[name].id, str(found[name].state)) == (wanted["id"], wanted["state"])
        assert (found[name].source_site, found[name].target_site) == (
            wanted["source_site"],
            wanted["target_site"],
        )
        assert (found[name].policy, found[name].group) == (wanted["policy"], wanted["group"])
        assert found[name].encryption.wanted == bool(wanted["encrypted"])
    assert str(found["drill01"].drill.state) == "running"
    assert found["gone01"].failover.point_id == MACHINES["gone01"]["failed_over_point_id"]


@pytest.mark.parametrize("name", [name for name in MACHINES if MACHINES[name]["target_site"] == "b"])
def test_the_target_has_every_point(rig, looks, name):
    found, wanted = looks["target"]["points"][name], recorded(name)
    assert set(wanted) <= set(found)
    assert MACHINES[name]["unprocessed"] or name in ON_THEIR_WAY or set(found) == set(wanted)
    for point_id, point in wanted.items():
        there = found[point_id]
        assert (str(there.consistency), there.set_id, there.held) == (
            point["consistency"], point["set_id"], point["held"],
        )  # fmt: skip
        assert there.taken_at == datetime.fromisoformat(point["taken_at"])
        assert not there.damaged


def test_the_history_of_jobs_is_what_it_was(rig, looks):
    found = {job.id: job for job in looks["alone"]["jobs"]}
    for job_id, wanted in SAID["jobs"].items():
        if wanted["subject"]:
            assert (str(found[job_id].verb), found[job_id].subject_name) == (
                wanted["name"],
                wanted["subject_name"],
            )
        if wanted["ended_at"] is not None:
            assert str(found[job_id].state) == wanted["state"]
            with rig.client() as vault:
                tasks = vault.jobs[job_id].show().tasks
            assert [str(task.state) for task in tasks] == [task["state"] for task in wanted["tasks"]]
            assert [task.sentence for task in tasks] == [task["sentence"] for task in wanted["tasks"]]


def test_settings_and_evidence_are_what_they_were(rig, looks):
    with rig.client() as vault:
        assert sorted(policy.name for policy in vault.policies) == SAID["policies"]
        assert {each.name: set(each.machines) for each in vault.groups} == {"shop": {"shop01", "shop02"}}
    mappings = [each for site in command_line.told(rig, "network", "list") for each in site["mappings"]]
    assert {(each["source_network"], each["target_network"]) for each in mappings} == {
        (each["source_network"], each["target_network"]) for each in SAID["network_mappings"]
    }
    notes = rig.machine("web01").drill.notes
    assert [note.notes for note in notes] == [note["notes"] for note in SAID["drill_notes"]]


# ---- and goes on
# -----------------------------------------------------------------------------------------------------


def test_replication_goes_on_with_changes_only_and_an_old_point_starts(rig, looks):
    assert MACHINES["web01"]["unprocessed"]
    eventually(lambda: rig.machine("web01").replication.inbox_bytes == 0, WITHIN_SECONDS)
    before = looks["target"]["machines"]["web01"].replication.total_wire_bytes
    assert before > A_FULL_COPY_BYTES
    written_at = datetime.now(UTC)
    with upgrade.guest(rig, "a", "web01") as guest:
        guest.write("vda", 6 * MiB, b"after" * KiB)
        guest.flush("vda")
    eventually(lambda: processed_at(rig, "web01") > written_at, WITHIN_SECONDS)
    assert rig.machine("web01").replication.total_wire_bytes - before < A_FULL_COPY_BYTES / 4
    assert set(held("web01")) <= {point.id for point in rig.points("web01")}
    old = held("web01")[0]
    command_line.do(rig, "failover", "web01", "--point", old, "--choice", "custom")
    assert rig.machine("web01").state == "failed_over"
    assert upgrade.digests(rig, "b", "web01") == recorded("web01")[old]["disks"]


def test_an_encrypted_replica_opens_with_its_key(rig):
    assert rig.machine("safe01").encryption.key_id
    point, disks = SAID["secret_point"]["id"], {"vda": SAID["secret_point"]["vda"]}
    assert command_line.told(rig, "point", "verify", "safe01", point)["state"] == "succeeded"
    command_line.do(rig, "failover", "safe01", "--point", point, "--choice", "custom")
    assert upgrade.digests(rig, "b", "safe01") == disks


def test_a_drill_that_ran_is_cleaned_up(rig):
    assert "drill01-test" in upgrade.machines_at(rig, "b")
    command_line.do(rig, "cleanup-test-failover", "drill01", "--notes", "after the upgrade")
    found = rig.machine("drill01")
    assert (found.state, found.drill.state) == ("protected", "none")
    assert "after the upgrade" in str(found.drill.notes)
    assert "drill01-test" not in upgrade.machines_at(rig, "b")
    rig.new_points("drill01", within_seconds=WITHIN_SECONDS)


def test_a_group_starts_from_a_common_point(rig, looks):
    job = command_line.do(
        rig, "test-failover", "shop01", "shop02", "--choice", "latest_multi_vm_app_consistent"
    )
    chosen = {
        name: facts.point_id for name, facts in command_line.facts_of(rig, job, "Test failover").items()
    }
    sets = {point.set_id for name in chosen for point in rig.points(name) if point.id == chosen[name]}
    assert len(sets) == 1
    for name in chosen:
        assert upgrade.digests(rig, "b", f"{name}-test") == source_digests(rig, name)
    command_line.do(rig, "cleanup-test-failover", "shop01", "shop02", "--notes", "")


def test_a_failed_over_machine_changes_its_point_and_is_committed(rig):
    assert upgrade.digests(rig, "b", "gone01") == SAID["running"]["gone01"]
    older = MACHINES["gone01"]["points"][0]
    command_line.do(rig, "change-recovery-point", "gone01", "--point", older["id"])
    assert upgrade.digests(rig, "b", "gone01") == older["disks"]
    command_line.do(rig, "commit", "gone01")
    assert rig.machine("gone01").state == "committed"


def test_a_committed_machine_is_reprotected(rig):
    assert upgrade.digests(rig, "b", "done01") == SAID["running"]["done01"]
    command_line.do(rig, "reprotect", "done01")
    found = rig.machine("done01")
    assert (found.state, found.source_site, found.points.count > 0) == ("protected", "b", True)


def test_a_reprotected_machine_fails_back(rig, looks):
    assert set(held("back01")) <= set(looks["both"]["points"]["back01"])
    command_line.do(rig, "planned-failover", "back01")
    found = rig.machine("back01")
    assert (found.state, found.active_site) == ("planned_failed_over", "a")
    assert upgrade.digests(rig, "a", "back01") == SAID["running"]["back01"]


def test_a_machine_that_nobody_protected_is_protected(rig):
    command_line.do(rig, "enable-protection", "free01", "--source", "a", "--target", "b", "--policy", "quick")
    assert rig.machine("free01").state == "protected"


# ---- what was under way
# ----------------------------------------------------------------------------------------------


def test_a_failover_that_was_broken_off_goes_on(rig):
    assert MACHINES["half02"]["state"] == "failing_over"
    job = ended(rig, "half02", "failover")
    assert job.state == "succeeded", rig.describe(job)
    assert rig.machine("half02").state == "failed_over"
    assert upgrade.digests(rig, "b", "half02") == source_digests(rig, "half02")


def test_a_planned_failover_that_waited_goes_on_or_undoes_itself(rig):
    """On a slow host the source is away for longer than the job waits for it; then it cancels itself."""
    assert MACHINES["half01"]["state"] == "planned_failing_over"
    job = ended(rig, "half01", "planned_failover")
    if job.state == "succeeded":
        assert rig.machine("half01").state == "planned_failed_over"
        assert upgrade.digests(rig, "b", "half01") == source_digests(rig, "half01")
        return
    assert job.problem.code == "appliance-unreachable", rig.describe(job)
    rig.wait_for("half01", lambda found: found.state == "protected" and found.job_id is None, WITHIN_SECONDS)
    assert "half01" not in upgrade.machines_at(rig, "b")
    assert str(upgrade.power(rig, "a").state(upgrade.machines_at(rig, "a")["half01"])) == "running"
