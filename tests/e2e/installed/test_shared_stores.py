"""Two hosts keep their stores in a folder that they share, and QEMU runs as a user of its own: what one has
taken over from the other starts there, and goes home from there."""

import pytest

import guestkit
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.installed.support_life import IN_TURN, MARKS, NAME, protection
from tests.support import policies

pytestmark = [*MARKS, IN_TURN]
SECONDS = 240
FIRST, SECOND = "b", "b2"


@pytest.fixture(scope="module")
def rig():
    with Installed(shares="b") as rig:
        rig.open()
        rig.add_host(SECOND)
        rig.give_appliance(SECOND)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        guest = rig.make_guest(NAME, workload=guestkit.Workload(records_per_second=5))
        guest.console.wait_for(lambda seen: seen.last_record >= 3, within_seconds=SECONDS)
        rig.virsh("a", "autostart", NAME)
        at = protection(NAME).model_copy(update={"target_appliance": appliance(FIRST)})
        rig.must(Verb.ENABLE_PROTECTION, at)
        rig.new_points(NAME)
        yield rig


def appliance(host):
    return f"appliance-{host}"


def move(rig, host):
    with rig.client() as vault:
        job = vault.machines[NAME].move_replica(target_appliance=appliance(host))
    done = rig.wait_for_job(job.id)
    assert done.state == "succeeded", rig.describe(done)
    assert rig.machine(NAME).target_appliance == appliance(host)
    rig.new_points(NAME)


def reach(rig):
    """Whether each has proven that it reaches the other's store."""
    with rig.client() as vault:
        return all(len(each.reaches) == 1 for each in vault.appliances.list("b"))


def runs_at(rig, host, name=NAME):
    """Its console, once its guest writes there; nowhere else a copy runs."""
    console = rig.console(host, name)
    boot = console.wait_for_boot(1, SECONDS)
    assert boot.complaints == ()
    (qemu,) = rig.qemus(name)
    assert qemu in rig.hosts[host].pids()
    console.wait_for(lambda seen: seen.last_record >= boot.verified_last + 5, SECONDS)
    return console


def test_a_drill_starts_at_the_host_that_took_the_replica_over(rig):
    eventually(lambda: reach(rig), 90)
    move(rig, SECOND)
    rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=(NAME,)))
    (drilled,) = rig.qemus(f"{NAME}-test")
    assert drilled in rig.hosts[SECOND].pids()
    rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=(NAME,)))
    rig.new_points(NAME)


def by_hand(rig, host, *words):
    program = f"/srv/shared/{FIRST}/secondsite-rescue"
    return rig.hosts[host].run("/usr/bin/python3", "-I", "-S", program, *words, within_seconds=SECONDS)


def test_where_its_host_is_gone_rescue_takes_it_over_and_that_gives_way_when_it_is_back(rig):
    """No vault is asked. The start hook refused it, with an advice that needs a vault."""
    rig.lose(SECOND)
    rig.appliances[FIRST].stop()
    assert "taken over by appliance" in by_hand(rig, FIRST, "list").stdout
    refused = by_hand(rig, FIRST, "start", NAME)
    assert "power that host off" in refused.stderr
    started = by_hand(rig, FIRST, "start", NAME, "--yes")
    assert "by libvirt (qemu:///system); its replica is this host's now" in started.stdout, started
    rig.console(FIRST, NAME).wait_for_boot(1, SECONDS)
    rig.hosts[SECOND].power_on()
    rig.wait_connected(only=appliance(SECOND))
    assert by_hand(rig, FIRST, "stop", NAME).returncode == 0
    assert by_hand(rig, FIRST, "discard", NAME, "--yes").returncode == 0
    rig.appliances[FIRST].start()
    rig.wait_connected()
    eventually(lambda: reach(rig), 90)
    move(rig, FIRST)
    move(rig, SECOND)


def test_what_a_host_lost_its_power_with_starts_at_the_other_and_is_committed_there(rig):
    move(rig, FIRST)
    (*_, point) = rig.new_points(NAME, 2)
    rig.lose(FIRST)
    rig.must(Verb.FAILOVER, rest.Failover(machines=(NAME,), shut_down_source=True))
    assert rig.machine(NAME).target_appliance == appliance(SECOND)
    runs_at(rig, SECOND)
    assert point.id in [each.id for each in rig.points(NAME)]
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))


def test_it_goes_home_from_there_without_a_loss(rig):
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,)))
    rig.new_points(NAME, within_seconds=SECONDS)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
    last = rig.console(SECOND, NAME).last_record
    boot = rig.console("a", NAME).wait_for_boot(2, SECONDS)
    assert boot.complaints == ()
    assert boot.verified_last >= last
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
    assert [each in rig.hosts["a"].pids() for each in rig.qemus(NAME)] == [True]


def test_a_host_that_comes_back_starts_nothing_that_went_on_without_it(rig):
    """Its libvirt starts with it what was running there, before any appliance can forbid that."""
    rig.hosts[FIRST].power_on()
    rig.wait_connected()
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,)))
    rig.new_points(NAME, within_seconds=SECONDS)
    eventually(lambda: reach(rig), 90)
    rig.must(Verb.FAILOVER, rest.Failover(machines=(NAME,), shut_down_source=True))
    runs_at(rig, SECOND)
    assert NAME in rig.virsh(SECOND, "list", "--autostart", "--name").split()
    rig.lose(SECOND)
    with rig.client() as vault:
        gone = rig.wait_for_job(vault.machines[NAME].move_replica(host_is_gone=True).id)
    assert gone.state == "succeeded", rig.describe(gone)
    runs_at(rig, FIRST)
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,)))
    rig.new_points(NAME, within_seconds=SECONDS)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
    rig.hosts[SECOND].power_on()
    assert [each in rig.hosts["a"].pids() for each in rig.qemus(NAME)] == [True]
    rig.wait_connected()
    eventually(lambda: NAME not in rig.virsh(SECOND, "list", "--all", "--name").split(), 90)
    assert [each in rig.hosts["a"].pids() for each in rig.qemus(NAME)] == [True]
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
