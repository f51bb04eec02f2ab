"""Three guests of a plan go away and come home group after group, by the command line; a person is asked
in between, and puts a machine of her own into the network of their drill before they come."""

import contextlib
import dataclasses
import itertools
import json

import pytest

import guestkit
from rig import bridges
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_drills import are_there, links
from tests.support import command_line

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=64)
NAMES = ("db01", "app01", "web01")
SUBNET, DIRECTORY = "10.9.3.0/24", "10.9.3.53"
ASKING = dataclasses.replace(WRITING, address="dhcp", looks_for=(DIRECTORY,))
PREPARE = {"name": "Directory", "instruction": "Put the directory server into the network", "kinds": ["test"]}
LOOK = {
    "name": "Look at the database",
    "instruction": "Look whether the database answers",
    "kinds": ["planned"],
    "directions": ["away"],
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    guests = {name: {"workload": ASKING if name == "db01" else WRITING} for name in NAMES}
    with e2e.guests_under(guests) as rig:
        protect = ("enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        groups = [
            {"machines": ["db01"], "before": [PREPARE], "after": [LOOK]},
            {"machines": ["app01"]},
            {"machines": ["web01"]},
        ]
        file = tmp_path_factory.mktemp("plan") / "shop.json"
        file.write_text(json.dumps({"groups": groups}))
        command_line.told(rig, "plan", "create", "shop", "--file", str(file))
        for name in NAMES:
            rig.new_points(name)
        yield rig


def run(rig, verb, *words):
    return command_line.told(rig, "plan", verb, "shop", "--yes", *words)


def states(rig):
    return [rig.machine(name).state for name in NAMES]


def boots(rig, site):
    return {name: len(rig.console(site, name).boots) for name in NAMES}


def one_after_the_other(rig, job):
    """No machine's job began before that of the group before had ended."""
    jobs = command_line.jobs_below(rig, job)
    assert set(jobs) == set(NAMES)
    for before, after in itertools.pairwise(NAMES):
        assert jobs[before].ended_at <= jobs[after].started_at


def in_phases(rig, job):
    """All were shut down, the last group first, before the first one started; then they started one after
    the other."""
    jobs = command_line.jobs_below(rig, job)
    down = [task(jobs[name], "Shut down") for name in reversed(NAMES)]
    up = [task(jobs[name], "Start") for name in NAMES]
    for before, after in itertools.pairwise([*down, up[0]]):
        assert before.ended_at <= after.started_at
    for before, after in itertools.pairwise(NAMES):
        assert jobs[before].ended_at <= task(jobs[after], "Start").started_at


def task(job, title):
    return next(each for each in job.tasks if each.name == title)


def nothing_lost(rig, source, target, boots_before):
    """Each guest's next boot verified the very last record, and it runs once."""
    for name in NAMES:
        boot = e2e.booted(rig.console(target, name), boots_before[name] + 1)
        assert boot.verified_last == rig.console(source, name).boots[-1].bye
        assert len(rig.qemus(name)) == 1


@contextlib.contextmanager
def directory_on(network):
    """A machine of the person's, with an address of its own."""
    space = f"{network}d"
    bridges.ip("netns", "add", space)
    try:
        bridges.ip("link", "add", f"{network[:13]}o", "type", "veth", "peer", "name", "eth0", "netns", space)
        bridges.ip("link", "set", f"{network[:13]}o", "master", network, "up")
        bridges.ip("-n", space, "address", "add", f"{DIRECTORY}/24", "dev", "eth0")
        bridges.ip("-n", space, "link", "set", "eth0", "up")
        yield
    finally:
        bridges.ip("netns", "delete", space)


def test_a_drill_of_the_plan_starts_copies_in_order_and_cleans_them_up(rig):
    records = {name: rig.guests[name].console.last_record for name in NAMES}
    accepted = run(rig, "test-failover", "--subnet", SUBNET, "--no-wait")["job_id"]
    eventually(lambda: command_line.told(rig, "job", "show", accepted)["waits_for_person"], 60)
    made = links(rig)
    assert (len(are_there(made)), rig.qemus("db01-test")) == (2, [])
    with directory_on(made[0]):
        command_line.told(rig, "job", "answer", accepted, "done")
        one_after_the_other(rig, eventually(lambda: _ended(rig, accepted), 120))
        rig.console("b", "db01-test").wait_for(f"REACHES {DIRECTORY}", 60)
    for name in NAMES:
        assert e2e.booted(rig.console("b", f"{name}-test"), 1).verified_last > 0
        e2e.wait_for_record(rig.guests[name].console, records[name] + 5)
    run(rig, "cleanup-test-failover", "--notes", "the shop came up in its order")
    for name in NAMES:
        assert rig.qemus(f"{name}-test") == []
        assert "in its order" in str(rig.machine(name).drill.notes)
    eventually(lambda: are_there(made) == [], 10)
    assert links(rig) == []


def test_a_planned_failover_asks_between_the_groups_and_loses_no_record(rig):
    preview = command_line.told(rig, "plan", "preview", "shop", "--verb", "planned-failover")
    assert (preview["direction"], len(preview["groups"]), preview["problem"]) == ("away", 3, None)
    accepted = run(rig, "planned-failover", "--no-wait")["job_id"]
    eventually(lambda: command_line.told(rig, "job", "show", accepted)["waits_for_person"], 120)
    assert states(rig) == ["planned_failed_over", "planned_failing_over", "planned_failing_over"]
    assert [len(rig.qemus(name)) for name in NAMES] == [1, 0, 0]
    command_line.told(rig, "job", "answer", accepted, "done", "--note", "it answers")
    job = eventually(lambda: _ended(rig, accepted), 120)
    assert job["state"] == "succeeded"
    in_phases(rig, job)
    nothing_lost(rig, "a", "b", dict.fromkeys(NAMES, 0))


def _ended(rig, job_id):
    job = command_line.told(rig, "job", "show", job_id)
    return job if job["ended_at"] else None


def test_by_the_same_plan_they_come_home_without_losing_a_record(rig):
    for verb in ("commit", "reprotect"):
        assert run(rig, verb)["state"] == "succeeded"
    home = boots(rig, "a")
    job = run(rig, "planned-failover")
    assert (
        command_line.told(rig, "job", "show", job["id"])["tasks"][0]["sentence"]
        == "3 machines in 3 groups, home"
    )
    in_phases(rig, job)
    nothing_lost(rig, "b", "a", home)
    assert states(rig) == ["planned_failed_over"] * 3
