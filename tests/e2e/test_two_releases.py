"""Between a site on this system and one on the other Debian release, both ways: a machine that was made at
either comes through every verb to the other, and home, without losing a record."""

import pytest

import guestkit
from rig import Rig, release
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line, policies

OTHER = "13"
NAME = "web01"
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=128)

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(release.why_not() is not None, reason=str(release.why_not())),
]


@pytest.fixture(scope="module", params=["b", "a"])
def rig(request, sliced):
    """A guest that writes at site a; the site that is named is on the other release."""
    root = release.Root(OTHER)
    if not sliced.whole and not root.exists:
        pytest.skip("no root of Debian 13 is kept yet: ./dev debian 13 setup makes one")
    assert root.dev("setup") == 0
    rig = Rig("libvirt", forked=True)

    def furnish(site):
        if site == "a":
            rig.make_guest(NAME, workload=WRITING)

    with root.beside(rig.folder) as inside, rig:
        rig.appliances[request.param].inside = inside
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests[NAME].console, 3, within_seconds=90)
        yield rig


def qemus(rig, *sites):
    """The releases of QEMU that ran the machine at these sites, as libvirt noted them."""
    logs = (rig.home(f"appliance-{site}") / "fabric" / "log" / "qemu" / f"{NAME}.log" for site in sites)
    return {log.read_text().partition("qemu version: ")[2].split()[0].split(".")[0] for log in logs}


def moved_without_loss(rig, began, ended, boots_before):
    command_line.do(rig, "planned-failover", NAME)
    boot = e2e.booted(rig.console(began, NAME), boots_before + 1)
    assert boot.verified_last == rig.console(ended, NAME).boots[-1].bye
    assert len(rig.qemus(NAME)) == 1


def test_the_check_names_the_machine_type_that_the_older_release_does_not_know(rig):
    words = ("enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick", "--json")
    done = rig.cli("machine", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    rig.new_points(NAME)
    newer_at_home = bool(rig.appliances["a"].inside)
    assert ("does not know the machine type" in done.stdout) is newer_at_home
    assert ("here the machine is a pc-" in done.stdout) is newer_at_home


def test_a_drill_runs_there(rig):
    command_line.do(rig, "test-failover", NAME)
    assert e2e.booted(rig.console("b", f"{NAME}-test"), 1).verified_last > 0
    command_line.do(rig, "cleanup-test-failover", NAME)


def test_it_fails_over_and_comes_home_without_losing_a_record(rig):
    moved_without_loss(rig, "b", "a", 0)
    assert len(qemus(rig, "a", "b")) == 2
    command_line.do(rig, "commit", NAME)
    eventually(lambda: len(rig.points(NAME)) == 1)
    command_line.do(rig, "reprotect", NAME)
    home = len(rig.console("a", NAME).boots)
    moved_without_loss(rig, "a", "b", home)
    command_line.do(rig, "commit", NAME)
    command_line.do(rig, "reprotect", NAME)
    assert rig.machine(NAME).target_site == "b"
