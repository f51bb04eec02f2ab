"""The second site alone: vault and first site are gone, and the appliance with them. One file in its store
starts the machines; then a new vault adopts them."""

import json
import subprocess

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.rescue import NAME, RECORD, START
from secondsite.wire.common.properties import TargetProperties
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(300)]
BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""No environment of ours."""
MACHINES = ("db01", "web01", "app01")
"""The last one is in no plan: it is replicated, and never started by hand."""


@pytest.fixture(scope="module")
def rig():
    guest = {"workload": guestkit.Workload(records_per_second=10), "disk_bytes": (64 * guestkit.MiB,)}
    with e2e.guests_under({"db01": guest, "web01": guest, "app01": guest}) as rig:
        yield rig


@pytest.fixture(scope="module")
def store(rig):
    return rig.home("appliance-b") / "store"


def rescue(store, *words, fails=False):
    """With the system's Python, that has no package of ours."""
    command = ["/usr/bin/python3", "-I", "-S", str(store / NAME), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=BARE, cwd="/", check=False
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout if not fails else done.stderr


def kept(rig, store):
    """What the vault says of the plan and of both machines lies in the store."""

    def look():
        try:
            plans = json.loads(rescue(store, "--json", "plans"))["plans"]
        except (AssertionError, ValueError):
            return False
        files = [
            store / "replicas" / rig.machine(name).id / file for name in MACHINES for file in (START, RECORD)
        ]
        return plans and all(each.exists() for each in files)

    return look


def named(store):
    """What is set for a machine lies there too."""
    return lambda: any("app01-there" in path.read_text() for path in store.glob(f"replicas/*/{RECORD}"))


@pytest.fixture(scope="module")
def records(rig, store, tmp_path_factory):
    """Each machine's last record before the disaster that a point must have."""
    sites = ("--source", "a", "--target", "b", "--policy", "quick")
    command_line.do(rig, "enable-protection", *MACHINES, *sites)
    file = tmp_path_factory.mktemp("plan") / "shop.json"
    look = {"name": "Look", "instruction": "Look whether the database answers"}
    file.write_text(
        json.dumps({"groups": [{"machines": ["db01"], "after": [look]}, {"machines": ["web01"]}]})
    )
    command_line.told(rig, "plan", "create", "shop", "--file", str(file))
    eventually(kept(rig, store), within_seconds=60)
    with rig.client() as vault:
        vault.machines["app01"].set_properties(TargetProperties(target_name="app01-there"))
    seen = {name: guest.console.last_record for name, guest in rig.guests.items()}
    for name in rig.guests:
        rig.new_points(name, 2)
    held = rig.points("app01")[-1].id
    with rig.client() as vault:
        vault.machines["app01"].points[held].hold("audit")
    eventually(named(store), within_seconds=60)
    return seen


def test_while_the_appliance_works_in_the_store_nothing_is_started_there(records, store):
    assert "An appliance works in" in rescue(store, "start", "web01", fails=True)
    listed = json.loads(rescue(store, "--json", "list"))["machines"]
    assert {each["machine"] for each in listed} == set(MACHINES)


def test_the_machines_of_a_plan_start_in_its_order_with_plain_qemu(rig, records, store):
    rig.destroy_site("a")
    rig.destroy_vault()
    rig.appliances["b"].kill()
    said = rescue(store, "run-plan", "shop", "--qemu", "--yes", "--no-networks")
    assert (
        said.index("db01 runs") < said.index("Look whether the database answers") < said.index("web01 runs")
    )
    for name in ("db01", "web01"):
        assert e2e.booted(console(rig, store, name), 1).verified_last >= records[name]


def test_a_machine_that_runs_is_left_as_it_is(rig, store):
    before = {name: rig.qemus(name) for name in ("db01", "web01")}
    rescue(store, "run-plan", "shop", "--qemu", "--yes", "--no-networks")
    assert {name: rig.qemus(name) for name in ("db01", "web01")} == before


def test_one_that_was_stopped_goes_on_with_what_it_wrote(rig, store):
    e2e.wait_for_record(
        console(rig, store, "web01"), e2e.booted(console(rig, store, "web01"), 1).verified_last + 5
    )
    assert "shut down" in rescue(store, "stop", "web01")
    last = console(rig, store, "web01").boots[-1].bye
    rescue(store, "start", "web01", "--qemu", "--no-networks")
    assert e2e.booted(console(rig, store, "web01"), 2).verified_last == last


def test_libvirt_starts_it_as_its_appliance_would_have(rig, store):
    rescue(store, "stop", "db01")
    rescue(store, "discard", "db01", "--yes")
    assert "by libvirt" in rescue(store, "start", "db01")
    e2e.booted(rig.console("b", "db01"), 1)
    listed = json.loads(rescue(store, "--json", "list"))["machines"]
    machine = next(each for each in listed if each["machine"] == "db01")
    assert machine["runs_by"].startswith("qemu:///embed")


def test_what_was_done_is_written_down(store):
    did = [json.loads(line) for line in (store / "rescue.jsonl").read_text().splitlines()]
    assert [each["did"] for each in did if each["machine"] == "db01"] == [
        "starts", "started", "stopped", "discarded", "starts", "started",
    ]  # fmt: skip


def console(rig, store, name):
    folder = next(
        path.parent
        for path in store.glob("replicas/*/start.json")
        if json.loads(path.read_text())["machine"] == name
    )
    return guestkit.Console(folder / "runs" / "failover" / "qemu" / "console.log")


def test_a_new_vault_adopts_what_runs_and_what_was_only_replicated(rig, store):
    last, running = told_last(rig, store), rig.qemus("db01")
    rig.new_vault()
    rig.enroll_again("b")
    rig.wait_connected()
    would = command_line.told(rig, "vault", "adopt", "appliance-b", "--dry-run")
    assert {each["end"] for each in would["machines"]} == {"adopted"}
    done = command_line.told(rig, "vault", "adopt", "appliance-b")
    told = {each["name"]: each for each in done["machines"]}
    assert {name: told[name]["state"] for name in MACHINES} == {
        "db01": "failed_over", "web01": "protected", "app01": "protected",
    }  # fmt: skip
    command = told["web01"]["do"].split("secondsite machine ")[-1].split()
    command_line.do(rig, *command)
    assert rig.qemus("db01") == running, "it was started anew"
    assert e2e.booted(rig.console("b", "web01"), 1).verified_last == last


def test_what_was_adopted_is_committed_and_its_points_holds_and_plans_are_there(rig, records):
    command_line.do(rig, "commit", "db01", "web01")
    assert [rig.machine(name).state for name in ("db01", "web01")] == ["committed", "committed"]
    eventually(lambda: rig.points("app01"), within_seconds=30)  # with what its appliance says next
    assert [point.held for point in rig.points("app01") if point.held] == ["audit"]
    with rig.client() as vault:
        assert [plan.name for plan in vault.plans.list()] == ["shop"]
        assert vault.machines["app01"].properties().target_name == "app01-there"


def test_a_machine_that_was_only_replicated_is_failed_over_at_the_new_vault(rig, records):
    command_line.do(rig, "failover", "app01")
    assert e2e.booted(rig.console("b", "app01-there"), 1).verified_last >= records["app01"]


def told_last(rig, store):
    """The last record of the guest that plain QEMU ran, which is shut down."""
    assert "shut down" in rescue(store, "stop", "web01")
    return console(rig, store, "web01").boots[-1].bye
