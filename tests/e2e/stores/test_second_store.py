"""A guest whose replica is kept in a store that its operator named, and whose views are of the kind that he
named, through failover and the way home, by the command line."""

import tempfile
from pathlib import Path

import pytest

import guestkit
from rig import Rig
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
WRITING = guestkit.Workload(records_per_second=6)
PROTECT = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")


@pytest.fixture(scope="module")
def rig():
    """Site a has a further store `home`, site b one that is called `fast`."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    further = {"a": "home", "b": "fast"}
    options = {
        site: ["--view-kind", "filter", "--further-store", f"{name}={folder / name}"]
        for site, name in further.items()
    }
    rig = Rig("libvirt", folder=folder, appliance_options=options, forked=True)

    def furnish(site):
        if site == "a":
            rig.make_guest("web01", workload=WRITING)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests["web01"].console, 3, within_seconds=90)
        yield rig


def at_a(rig):
    return rig.guests["web01"].console


def at_b(rig):
    return rig.console("b", "web01")


def stores_with_it(rig):
    """The folders of stores that hold anything of the machine."""
    machine_id = rig.machine("web01").id
    roots = [
        rig.home("appliance-a") / "store",
        rig.home("appliance-b") / "store",
        rig.folder / "home",
        rig.folder / "fast",
    ]
    return [root for root in roots if (root / "replicas" / machine_id).exists()]


def moved_without_loss(ended, began, boots_before):
    boot = e2e.booted(began, boots_before + 1)
    assert ended.boots[-1].bye is not None
    assert boot.verified_last == ended.boots[-1].bye


def test_a_store_that_the_appliance_lacks_is_refused_by_name_and_the_others_are_listed(rig):
    job = command_line.told(rig, "machine", *PROTECT, "--store", "slow", exit_code=1)
    said = job["tasks"][0]["problem"]["message"]
    assert "no store 'slow'" in said
    assert "default (" in said
    assert "fast (" in said


def test_its_replica_lies_in_the_store_that_was_named_and_the_vault_says_where(rig):
    command_line.told(rig, "machine", *PROTECT, "--store", "fast")
    rig.new_points("web01", 2)
    assert stores_with_it(rig) == [rig.folder / "fast"]
    shown = rig.cli("machine", "show", "web01").stdout
    assert "store fast at the target" in " ".join(shown.split())
    assert "fast" in rig.cli("site", "show", "b").stdout
    assert rig.machine("web01").kept.host
    assert rig.machine("web01").replication.view.kind == "filter"


def test_a_drill_runs_there(rig):
    command_line.do(rig, "test-failover", "web01")
    assert e2e.booted(rig.console("b", "web01-test"), 1).verified_last > 0
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_a_planned_failover_onto_it_loses_no_record_and_it_outlives_its_appliance(rig):
    command_line.do(rig, "planned-failover", "web01")
    moved_without_loss(at_a(rig), at_b(rig), 0)
    command_line.do(rig, "commit", "web01")
    rig.appliances["b"].kill()
    rig.appliances["b"].start()
    rig.wait_connected()
    e2e.wait_for_record(at_b(rig), at_b(rig).last_record + 5)


def test_what_arrives_for_the_old_disks_is_kept_in_the_store_that_reprotect_names(rig):
    job = command_line.do(rig, "reprotect", "web01", "--store", "home")
    assert "in store 'home'" in str(job["tasks"])
    rig.new_points("web01", 2)
    assert stores_with_it(rig) == [rig.folder / "home", rig.folder / "fast"]
    assert rig.machine("web01").kept.store == "home"
    assert rig.codes("web01") == {}


def test_the_way_home_loses_no_record_and_the_next_replica_is_where_the_last_one_was(rig):
    boots = len(at_a(rig).boots)
    command_line.do(rig, "planned-failover", "web01")
    moved_without_loss(at_b(rig), at_a(rig), boots)
    command_line.do(rig, "commit", "web01")
    assert stores_with_it(rig) == [rig.folder / "fast"]
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01", 2)
    kept = rig.machine("web01").kept
    assert (kept.store, kept.wanted) == ("fast", "fast")
