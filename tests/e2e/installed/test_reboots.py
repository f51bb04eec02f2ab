"""After a reboot of any host, at any state of a machine's lifecycle, everything that should run runs: the
power of one host is cut, and comes back.

Rows: where the machine is at rest, or what is under way, by the host that loses its power. After each the
machine lives on where it belongs with all that it had written, it is replicated where it should be, and the
job that was under way has ended well, or failed with words that lead on.
"""

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.directions import FailoverKind
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from tests.e2e.installed.support_life import (
    AT_HOME,
    AWAY,
    BACK,
    COMMITTED,
    MARKS,
    NAME,
    OFF,
    PROTECTED,
    STATES,
    WAYS,
    protection,
    slowly,
)

pytestmark = [*MARKS, pytest.mark.every(turn="installed", parts=3, turn_parts=11)]
HOSTS = ("a", "b", "vault")
STORE = "/var/lib/secondsite/appliance/store"
BIG = 96 * guestkit.MiB
each_host = pytest.mark.parametrize("host", HOSTS)


@pytest.fixture(autouse=True)
def _the_story_so_far():
    """Rows of a table: one that fails ends none of the others."""


@each_host
@pytest.mark.parametrize("state", STATES)
def test_at_rest_the_machine_lives_on_where_it_is(life, state, host):
    life.go_to(state).survives(host)
    assert life.state() == state


@each_host
def test_the_test_machine_of_a_drill_starts_no_more_and_the_drill_can_be_cleaned_up(life, host):
    life.go_to(PROTECTED)
    life.rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=(NAME,)))
    (drilled,) = life.rig.qemus(f"{NAME}-test")
    assert len(qemus_points(life)) > 1
    life.survives(host)
    now = life.rig.qemus(f"{NAME}-test")
    assert now == ([] if host == "b" else [drilled])
    assert life.rig.machine(NAME).drill.state == "running"
    life.clean_up()
    assert life.rig.qemus(f"{NAME}-test") == []
    assert qemus_points(life) == []
    assert "-test" not in life.rig.hosts["b"].must("virsh", "list", "--all", "--name")
    assert life.rig.hosts["b"].must("virsh", "net-list", "--all", "--name").split() == ["default"]


def qemus_points(life):
    """The files of points at site b that belong to QEMU's user."""
    return life.rig.hosts["b"].must("find", STORE, "-name", "*.qcow2", "-user", "libvirt-qemu").split()


PLANNED = (Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
UNDER_WAY = {
    "failover": (PROTECTED, *WAYS[PROTECTED]),
    "planned failover": (PROTECTED, *PLANNED),
    "reprotect": (COMMITTED, *WAYS[COMMITTED]),
    "failback": (BACK, *PLANNED),
    "commit": (AWAY, *WAYS[AWAY]),
    "change of the point": (
        AWAY,
        Verb.CHANGE_RECOVERY_POINT,
        rest.ChangeRecoveryPoint(machines=(NAME,), choice=RecoveryPointChoice.LATEST),
    ),
    "cancel of a failback": (AT_HOME, Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=(NAME,))),
    "resynchronization": (PROTECTED, Verb.RESYNCHRONIZE, rest.Resynchronize(machines=(NAME,))),
}
LEAVE_WRITES = ("change of the point", "cancel of a failback")
"""What the guest wrote since its failover is given up by them."""


@each_host
@pytest.mark.parametrize("what", UNDER_WAY)
def test_what_was_under_way_goes_on_or_ends_clearly(life, what, host):
    state, verb, asked = UNDER_WAY[what]
    before = life.go_to(state).seen()
    with life.rig.client() as vault:
        job = vault.machines.start(verb, asked)
        eventually(lambda: [task for task in job.show().tasks if task.started_at is not None], 60)
    life.reboot(host)
    ended_clearly(life, job.id)
    life.is_well(None if what in LEAVE_WRITES else before)


@each_host
def test_the_first_replication_goes_on_or_ends_clearly(life, host):
    life.go_to(PROTECTED)
    if "big01" not in life.rig.guests:
        life.make("big01", disk_bytes=(BIG,), filled_bytes=BIG // 2)
    with slowly(life.rig, "a", bytes_per_second=4_000_000):
        with life.rig.client() as vault:
            job = vault.machines.start(Verb.ENABLE_PROTECTION, protection("big01"))
            eventually(lambda: states(vault).get("big01") == "initial_replicating", 60)
        life.survives(host)
    ended_clearly(life, job.id)
    with life.rig.client() as vault:
        protected = "big01" in states(vault)
    if protected:
        life.rig.new_points("big01", within_seconds=240)
        life.rig.must(Verb.DISABLE_PROTECTION, rest.DisableProtection(machines=("big01",)))


@each_host
def test_a_plan_s_run_goes_on_when_the_person_answers(life, host):
    life.go_to(PROTECTED)
    before = life.seen()
    look = rest.PlanAction(name="Look", instruction="Look whether it runs", kinds=(FailoverKind.PLANNED,))
    with life.rig.client() as vault:
        if "shop" not in [each.name for each in vault.plans.list()]:
            vault.plans.create("shop", [rest.PlanGroupChange(machines=(NAME,), after=(look,))])
        job = vault.plans["shop"].run(Verb.PLANNED_FAILOVER)
    asked = eventually(lambda: asking(life, job.id), 240)
    life.reboot(host)
    life.lives(before)
    with life.rig.client() as vault:
        vault.jobs[job.id].answer("done", "it runs", task=asked.position)
    assert life.rig.wait_for_job(job.id).state == "succeeded"
    assert life.state() == AWAY


def states(vault):
    """Of all machines under protection, by name."""
    return {each.name: each.state for each in vault.machines.list()}


def asking(life, job_id):
    with life.rig.client() as vault:
        return next((task for task in vault.jobs[job_id].show().tasks if task.asks is not None), None)


def ended_clearly(life, job_id):
    job = life.rig.wait_for_job(job_id)
    assert job.state == "succeeded" or (job.problem is not None and job.problem.do), life.rig.describe(job)


def test_one_that_should_run_and_is_off_is_a_critical_finding_with_the_next_step(life):
    rig = life.go_to(COMMITTED).rig
    rig.virsh("b", "autostart", "--disable", NAME)
    life.reboot("b")
    eventually(lambda: OFF in rig.codes(NAME), within_seconds=120)
    (found,) = [each for each in rig.machine(NAME).findings if each.code == OFF]
    assert found.severity == "critical"
    assert "virsh start" in found.do
    rig.virsh("b", "start", NAME)
    rig.virsh("b", "autostart", NAME)
    eventually(lambda: OFF not in rig.codes(NAME), within_seconds=60)
