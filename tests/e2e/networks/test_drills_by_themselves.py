"""A drill that cleans up by itself leaves nothing, whoever is killed meanwhile; production and replication
do not notice."""

import pytest

import guestkit
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_drills import domains, links, nothing_is_left, overlays, served_files, servers
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
NAME, COPY = "web01", "web01-test"
SUBNET = "10.9.7.0/24"


@pytest.fixture(scope="module")
def rig():
    workload = guestkit.Workload(records_per_second=6, address="dhcp")
    with e2e.guests_under({NAME: {"workload": workload}}) as rig:
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME)
        yield rig


def begin(rig):
    """A drill whose copy has come up; the console's file is one for all copies of this name."""
    before = addresses(rig)
    with rig.client() as vault:
        job = vault.machines[NAME].test_failover(subnet=SUBNET, clean_up=True)
    # the drill goes on once its check has passed, so all is looked at before the address is there
    eventually(lambda: COPY in domains(rig) and overlays(rig, NAME), 90)
    made = links(rig)
    assert len(made) == 2
    assert (len(servers(rig)), len(served_files(rig)) > 0) == (1, True)
    eventually(lambda: addresses(rig) > before, 90)
    return job.id, made


def addresses(rig):
    return rig.console("b", COPY).text.count("ADDRESS 10.9.7.")


def test_it_ends_with_the_verdict_of_its_checks_while_the_guest_writes_on_and_points_go_on(rig):
    told = ("check", "set", NAME, "addressed", "--kind", "console", "--text", "ADDRESS 10.9.7.")
    command_line.told(rig, *told, "--deadline", "90")
    before, written = rig.points(NAME), rig.guests[NAME].console.last_record
    job_id, made = begin(rig)
    assert rig.wait_for_job(job_id).state == "succeeded"
    with rig.client() as vault:
        job = vault.jobs[job_id].show()
    (ended,) = [task for task in job.tasks if task.name == "Complete testing"]
    (proof,) = [task for task in job.tasks if task.name == "Proof"]
    assert (ended.facts.verdict, proof.facts.evidence.checks[0].passed) == ("passed", True)
    assert "ADDRESS 10.9.7." in proof.facts.evidence.console
    nothing_is_left(rig, (NAME,), made)
    assert rig.guests[NAME].console.last_record > written
    known = {each.id for each in before}
    during = [each for each in rig.points(NAME) if each.id not in known and each.taken_at < job.ended_at]
    assert during
    assert rig.machine(NAME).rpo.seconds < 30
    assert rig.machine(NAME).drill.notes[-1].verdict == "passed"


def test_killed_in_the_middle_it_goes_on_and_leaves_nothing(rig):
    """Appliance and vault at once, which is more than either alone."""
    told = ("check", "set", NAME, "nobody", "--kind", "console", "--text", "never said")
    command_line.told(rig, *told, "--deadline", "20")
    job_id, made = begin(rig)
    for each in (rig.appliances["b"], rig.vault):
        each.kill()
    for each in (rig.vault, rig.appliances["b"]):
        each.start()
    job = rig.wait_for_job(job_id, 180)
    assert job.state in ("succeeded", "partially_succeeded"), rig.describe(job)
    nothing_is_left(rig, (NAME,), made)
    rig.new_points(NAME)
    assert rig.machine(NAME).state == "protected"
