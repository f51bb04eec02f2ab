"""A machine with an agent and a real guest of libvirt, behind an appliance each, have points of one instant,
and both are failed over to one.

The guest is a database. The other machine writes a record only when the database has acknowledged its own."""

import os
import socket

import pytest

import guestkit
from rig import bridges
from rig.background import Background
from rig.eventually import eventually
from tests.e2e.agents.support_agents import NAME, agent_site, needs_agent, records_at
from tests.support import command_line

pytestmark = [
    pytest.mark.guest, pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(600), needs_agent,
]  # fmt: skip

DATABASE, PORT = "db01", 5432
HOST = "a2"
SETS = 5
START_SECONDS = 120
MULTI_VM = ("--choice", "latest_multi_vm_processed")


@pytest.fixture(scope="module")
def site():
    with agent_site("libvirt") as (rig, machine):
        within = bridges.subnet(rig.tag)
        there = str(within[2])
        workload = guestkit.Workload(
            records_per_second=0, tier=guestkit.Tier.DATABASE, address=f"{there}/{within.prefixlen}"
        )
        network = rig.bridge("a")
        rig.add_host("a", lambda host: rig.make_guest(DATABASE, host, workload=workload), network=network)
        bridges.join(network, within)
        rig.guests[DATABASE].console.wait_for("^SERVES database", START_SECONDS)
        for name in (NAME, DATABASE):
            ways = ("--source", "a", "--target", "b", "--policy", "quick")
            command_line.do(rig, "enable-protection", name, *ways)
        command_line.told(rig, "machine", "set", NAME, "--memory", "256MiB")  # its own is this host's
        yield rig, machine, there


class Ordering(Background):
    """Has the database append, and writes down the number that it was told."""

    def __init__(self, machine, database):
        super().__init__({"ordering": self._run})
        self._machine, self._database = machine, database
        self.written = 0

    def _run(self):
        with (self._machine.disk.mount / "records").open("a") as file:
            while not self.ended.is_set():
                self.written = appended(self._database)
                file.write(f"{self.written}\n")
                file.flush()
                os.fsync(file.fileno())


def appended(database):
    with socket.create_connection((database, PORT), timeout=START_SECONDS) as line:
        line.sendall(b"append\n")
        return int(line.makefile().readline())


def newest_set(rig):
    with rig.client() as vault:
        return vault.groups["shop"].show().newest_set


def point_of(rig, name, set_id):
    return next(each.id for each in rig.points(name) if each.set_id == set_id)


def at_set(rig, set_id):
    """The last record that each of them held at the points of a set."""
    return [records_at(rig, point_of(rig, name, set_id), name)[-1] for name in (NAME, DATABASE)]


def test_each_of_their_sets_is_of_one_instant(site, record_property):
    rig, machine, database = site
    words = ("--source", "a", "--target", "b", "--every", "5")
    command_line.told(rig, "group", "create", "shop", NAME, DATABASE, *words)
    held = []
    with Ordering(machine, database) as writer:
        eventually(lambda: writer.written)
        eventually(lambda: newest_set(rig) is not None, within_seconds=120)
        seen = {newest_set(rig)}
        for _ in range(SETS):
            found = eventually(lambda: newest_set(rig) not in seen and newest_set(rig), within_seconds=120)
            seen.add(found)
            application, in_database = at_set(rig, found)
            assert 0 < application <= in_database <= application + 1, f"at set {found}"
            held.append((application, in_database))
    record_property("records", held)
    assert held[-1] > held[0]


def test_both_are_failed_over_to_one_of_these_instants(site, record_property):
    rig, machine, database = site
    with Ordering(machine, database) as writer:
        eventually(lambda: writer.written)
        for _ in range(2):  # the first may have been under way
            before = newest_set(rig)
            eventually(lambda before=before: newest_set(rig) != before, within_seconds=120)
        job = command_line.do(rig, "failover", NAME, DATABASE, *MULTI_VM)
    ran_from = started_from(rig, job)
    [[application_set, application_point], [database_set, _]] = [ran_from[name] for name in (NAME, DATABASE)]
    assert application_set == database_set
    application = records_at(rig, application_point)[-1]
    booted = rig.console("b", DATABASE).wait_for_boot(within_seconds=START_SECONDS)
    record_property("records", [application, booted.verified_last])
    assert booted.complaints == ()
    assert application <= booted.verified_last <= application + 1
    assert [len(rig.qemus(name)) for name in (NAME, DATABASE)] == [1, 2]


def started_from(rig, job):
    """The set and the point that each copy was started from."""
    with rig.client() as vault:
        jobs = [vault.jobs[each].show() for each in (job["id"], *job["children"])]
    found = {
        each.subject_name: task.facts.point_id
        for each in jobs
        for task in each.tasks
        if task.facts is not None and task.facts.point_id is not None
    }
    points = {point.id: point.set_id for name in found for point in rig.points(name)}
    return {name: (points[point_id], point_id) for name, point_id in found.items()}
