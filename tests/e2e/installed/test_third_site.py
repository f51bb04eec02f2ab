"""A machine goes from a to b, and on to a third site c when b is lost. What it left at a and at b does not
start by its owner's hand, whatever is restarted there; home it comes with the last record that it wrote at c,
and once its protection has ended nobody is kept from anything."""

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from tests.e2e.installed.support_life import AWAY, COMMITTED, IN_TURN, MARKS, NAME

pytestmark = [*MARKS, IN_TURN]
LEFT = ("a", "b")
ALTERNATE = "alternate"


@pytest.fixture(scope="module")
def rig(life):
    life.rig.add_site("c")
    life.go_to(AWAY).go_to(COMMITTED)
    return life.rig


def do(rig, verb, **asked):
    kinds = {
        Verb.FAILOVER: rest.Failover, Verb.COMMIT: rest.Commit, Verb.REPROTECT: rest.Reprotect,
        Verb.PLANNED_FAILOVER: rest.PlannedFailover, Verb.DISABLE_PROTECTION: rest.DisableProtection,
    }  # fmt: skip
    return rig.must(verb, kinds[verb](machines=(NAME,), **asked))


def back_to(rig, site, **asked):
    """It is protected to that site, and the first point has arrived."""
    with rig.client() as vault:
        (there,) = [each.id for each in vault.appliances if each.site == site]
    do(rig, Verb.REPROTECT, target_appliance=there, **asked)
    rig.new_points(NAME, within_seconds=120)


def refused(rig, site):
    """What libvirt says to its owner there, who starts the machine by hand."""
    told = rig.hosts[site].run("virsh", "start", NAME)
    return told.stderr if told.returncode else None


def runs_only_at(rig, site):
    (qemu,) = rig.qemus(NAME)
    return qemu in rig.hosts[site].pids()


def test_it_is_protected_from_b_to_c_and_what_is_at_a_is_kept_off(rig):
    back_to(rig, "c", location=ALTERNATE)
    assert refused(rig, "a"), "it was withdrawn there"
    assert runs_only_at(rig, "b")


def test_b_is_lost_and_it_goes_on_at_c(rig):
    rig.virsh("b", "autostart", "--disable", NAME)  # libvirt starts others before anybody can be asked
    rig.lose("b")
    do(rig, Verb.FAILOVER, choice=RecoveryPointChoice.LATEST)
    do(rig, Verb.COMMIT)
    assert runs_only_at(rig, "c")


def test_b_comes_back_and_starts_no_second_copy(rig):
    rig.hosts["b"].power_on()
    rig.wait_connected(120)
    eventually(lambda: "was failed over" in (refused(rig, "b") or ""), 60)
    assert runs_only_at(rig, "c")


@pytest.mark.parametrize("site", LEFT)
def test_nor_does_it_after_a_power_cut_or_a_restart_of_its_services(rig, site):
    host = rig.hosts[site]
    host.reboot()
    rig.wait_connected(240)
    for unit in ("libvirtd", "secondsite-appliance"):
        host.must("systemctl", "restart", unit)
        assert refused(rig, site), unit
    host.must("systemctl", "stop", "secondsite-appliance")
    try:
        assert refused(rig, site), "its appliance is off"
        assert runs_only_at(rig, "c")
    finally:
        host.must("systemctl", "start", "secondsite-appliance")
    rig.wait_connected(120)


def test_it_comes_home_from_c_with_the_last_record_that_it_wrote_there(rig):
    back_to(rig, "a")
    do(rig, Verb.PLANNED_FAILOVER)
    said = rig.console("c", NAME).boots[-1].bye
    boots = len(rig.console("a", NAME).boots)
    assert rig.console("a", NAME).wait_for_boot(boots, 240).verified_last == said
    do(rig, Verb.COMMIT)
    assert runs_only_at(rig, "a")
    for site in ("b", "c"):
        assert refused(rig, site), site


def test_once_its_protection_has_ended_nothing_of_it_is_left_elsewhere(rig):
    back_to(rig, "b")
    do(rig, Verb.DISABLE_PROTECTION)
    for site in ("b", "c"):
        eventually(lambda at=site: NAME not in rig.virsh(at, "list", "--all", "--name").split(), 60)
    rig.virsh("a", "destroy", NAME)
    rig.virsh("a", "start", NAME)
    assert runs_only_at(rig, "a")
