"""Three real guests that talk: after a drill and after a failover the web server's page is checked over
its network."""

import pytest

import guestkit
from guestkit import Tier
from rig import Rig, bridges
from rig.eventually import eventually
from secondsite.fabrics.libvirt import reaching
from secondsite.fabrics.reaching import Knock
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WEB, APPLICATION, DATABASE = "10.44.0.1", "10.44.0.2", "10.44.0.3"
FREE = "10.44.0.250/24"
TIERS = {
    "db01": (Tier.DATABASE, DATABASE, None),
    "app01": (Tier.APPLICATION, APPLICATION, DATABASE),
    "web01": (Tier.WEB, WEB, APPLICATION),
}


@pytest.fixture(scope="module")
def rig():
    rig = Rig("libvirt", forked=True)

    def furnish(site):
        for name, (tier, address, peer) in TIERS.items() if site == "a" else ():
            workload = guestkit.Workload(records_per_second=0, tier=tier, address=f"{address}/24", peer=peer)
            rig.make_guest(name, workload=workload)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        for guest in rig.guests.values():
            e2e.booted(guest.console, 1)
        words = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", *TIERS, *words)
        yield rig


def set_check(rig, name, *words):
    command_line.told(rig, "check", "set", "web01", name, *words)


def proof(rig, job):
    below = command_line.jobs_below(rig, job)["web01"]
    (task,) = [task for task in below.tasks if task.name == "Proof"]
    evidence = task.facts.evidence
    return task.sentence, {each.name: each for each in evidence.checks}, evidence.proven


def asked_at_home(rig):
    """The record that the web server's page names at site a."""
    with reaching.visit([Knock(WEB, 80, 60, path="/", text="record")], rig.bridge("a"), FREE) as answers:
        assert eventually(answers, within_seconds=60)[0].passed
    return rig.guests["db01"].console.wait_for(lambda console: console.last_record > 0).last_record


def plugged(bridge):
    return bridges.ip("-o", "link", "show", "master", bridge)


def test_in_a_drill_s_isolated_network_the_page_answers_and_a_wrong_port_is_told(rig):
    set_check(rig, "alive", "--kind", "http", "--path", "/alive", "--address", WEB, "--text", "web server")
    set_check(rig, "wrong", "--kind", "tcp", "--port", "8443", "--address", WEB, "--deadline", "40")
    job = command_line.do(rig, "test-failover", "web01", exit_code=9)
    assert job["state"] == "partially_succeeded"
    sentence, checks, proven = proof(rig, job)
    assert (checks["alive"].passed, checks["alive"].said) == (True, "status 200")
    assert (checks["wrong"].passed, proven) == (False, False)
    assert "1 of 2 checks failed (wrong: Connection refused)" in sentence
    assert sentence.endswith("does the service listen?")
    assert "ssck" not in bridges.ip("-o", "link", "show")
    command_line.do(rig, "cleanup-test-failover", "web01")


def graded(rig, name):
    return {point["id"]: point["proof"] for point in command_line.told(rig, "point", "list", name)}


def test_a_drill_whose_page_answers_verifies_its_point_and_the_next_can_begin_from_it(rig):
    command_line.told(rig, "check", "clear", "web01")
    set_check(rig, "alive", "--kind", "http", "--path", "/alive", "--address", WEB, "--text", "web server")
    assert set(graded(rig, "web01").values()) == {None}
    command_line.do(rig, "test-failover", "web01")
    command_line.do(rig, "cleanup-test-failover", "web01")
    verified = [point for point, proof in graded(rig, "web01").items() if proof == "application"]
    assert len(verified) == 1
    rig.new_points("web01")
    with rig.client() as vault:
        assert [point.id for point in vault.machines["web01"].points.list(proven=True)] == verified
    job = command_line.do(rig, "test-failover", "web01", "--choice", "latest_verified")
    assert verified[0] in str(command_line.jobs_below(rig, job)["web01"].tasks)
    command_line.do(rig, "cleanup-test-failover", "web01")
    with rig.client() as vault:
        flaws = [each.what for each in vault.validation(now=True).flaws if "web01" in each.about]
    assert "drifted" not in rig.codes("web01"), rig.codes("web01")
    assert not [each for each in flaws if "It has not been tried" in each]


def test_a_point_that_is_booted_only_to_be_looked_at_is_verified_and_nothing_of_the_copy_stays(rig):
    command_line.told(rig, "check", "clear", "web01")
    set_check(rig, "alive", "--kind", "http", "--path", "/alive", "--address", WEB, "--text", "web server")
    rig.new_points("web01")
    point = command_line.told(rig, "point", "list", "web01")[0]["id"]
    words = ("--boot", "--network", "isolated")
    job = command_line.told(rig, "point", "verify", "web01", point, *words)
    assert job["state"] == "succeeded", job
    assert graded(rig, "web01")[point] == "application"
    assert command_line.told(rig, "machine", "show", "web01")["drill"]["state"] == "none"
    assert rig.qemus("web01-boot") == []
    assert "ss-boot" not in bridges.ip("-o", "link", "show")


def test_after_a_failover_of_all_tiers_the_page_names_a_record_of_the_database(rig):
    last = asked_at_home(rig)
    for name in TIERS:
        rig.new_points(name)
    command_line.told(rig, "check", "clear", "web01")
    page = ("--kind", "http", "--text", "record", "--address", WEB, "--from", FREE, "--deadline", "150")
    set_check(rig, "page", *page)
    job = command_line.do(rig, "failover", *TIERS)
    sentence, checks, proven = proof(rig, job)
    assert (checks["page"].said, checks["page"].passed, proven) == ("status 200", True, True), sentence
    assert "web01 started: its check passed" in sentence
    assert rig.console("b", "web01").wait_for(r"^PAGE record \d+$")
    assert rig.console("b", "db01").last_record > last
    assert "ssck" not in plugged(rig.bridge("b"))
