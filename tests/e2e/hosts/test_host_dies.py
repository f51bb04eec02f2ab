"""Two hosts with real guests keep their stores in one folder: of a host that dies the other takes the
machines over, one that ran there and one that was yet to start; when it is back, it starts neither."""

import tempfile
from pathlib import Path

import pytest

import guestkit
from rig import Rig
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(400),
]
NAMES = ("web01", "db01")
HOSTS = ("b", "b2")


@pytest.fixture(scope="module")
def rig():
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    options = {host: ["--store", str(folder / "shared" / host)] for host in HOSTS}
    with Rig("libvirt", folder, appliance_options=options, forked=True) as rig:

        def furnish(host):
            for name in NAMES if host == "a" else ():
                rig.make_guest(name, host, workload=guestkit.Workload(records_per_second=6))

        rig.open(furnish=furnish)
        rig.add_host("b")
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
            site = [each for each in vault.appliances if each.site == "b"]
            eventually(lambda: all(len(vault.appliances[each.name].show().reaches) == 1 for each in site), 90)
        for name in NAMES:
            e2e.wait_for_record(rig.guests[name].console, 3, within_seconds=90)
        protect = ("enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect, "--target-appliance", "appliance-b")
        yield rig


def test_one_that_ran_there_and_one_that_was_to_start_there_run_at_the_other_host(rig):
    for name in NAMES:
        rig.new_points(name)
    rig.lose("a")
    command_line.do(rig, "failover", "web01")
    there = e2e.booted(rig.console("b", "web01"), 1)
    e2e.wait_for_record(rig.console("b", "web01"), there.verified_last + 5)
    acknowledged = rig.console("b", "web01").last_record
    rig.lose("b")
    assert rig.qemus("web01") == []
    command_line.do(rig, "failover", "db01")
    assert rig.machine("db01").target_appliance == "appliance-b2"
    e2e.booted(rig.console("b2", "db01"), 1)
    command_line.do(rig, "move-replica", "web01", "--host-is-gone", "--yes")
    again = e2e.booted(rig.console("b2", "web01"), 1)
    assert again.verified_last >= acknowledged
    assert {name: len(rig.qemus(name)) for name in NAMES} == {"web01": 1, "db01": 1}


def test_the_host_that_died_starts_neither_when_it_is_back(rig):
    qemus = {name: rig.qemus(name) for name in NAMES}
    rig.appliances["b"].start()
    rig.wait_connected(only="appliance-b")
    for name in NAMES:
        e2e.wait_for_record(rig.console("b2", name), rig.console("b2", name).last_record + 12)
    assert {name: rig.qemus(name) for name in NAMES} == qemus
    assert {rig.machine(name).target_appliance for name in NAMES} == {"appliance-b2"}
