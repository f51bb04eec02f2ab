"""Random walks over real processes on simulated sites, and ways that failed once. `./dev chaos --walks N`
goes further."""

import random

import pytest

from chaos.walks import episode, verbs, walking
from chaos.walks.accidents import Accidents
from chaos.walks.disks import Disks
from chaos.walks.owner import Owner
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB

pytestmark = [pytest.mark.slow, pytest.mark.longest]

STEPS, SECONDS = 10, 300


@pytest.fixture
def on():
    with episode.opened(random.Random(1)) as on:
        yield on


def took(on, *wanted):
    for verb in wanted:
        assert verbs.take(on, verb) is None, verb


def protected_anew(on):
    """The copy that an earlier protection left at the other site has the name that the machine would have
    there."""
    problem = verbs.take(on, Verb.ENABLE_PROTECTION) or ""
    assert "rename that machine, or remove it" in problem
    assert Owner(on, Disks(on)).follow_advice(problem)
    took(on, Verb.ENABLE_PROTECTION)


@pytest.mark.timeout(600)
def test_whatever_operators_owners_and_accidents_do_the_promises_hold():
    seed = random.randrange(2**32)
    print(f"./dev chaos --walks {STEPS} --seed {seed}")
    seen = walking.run(STEPS, seed, side_by_side=1, within_seconds=SECONDS, most_broken=1, say=print)
    assert not seen.broken, seen.broken
    assert seen.steps.total() > 3


def test_a_machine_whose_protection_ended_at_its_new_site_can_be_protected_there_anew(on):
    took(on, Verb.ENABLE_PROTECTION, Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.DISABLE_PROTECTION)
    protected_anew(on)
    assert on.active_site() == "b"
    on.check()


def test_a_restored_vault_that_shows_a_failover_of_long_ago_can_be_led_out_of_it(on):
    accidents = Accidents(on)
    took(on, Verb.ENABLE_PROTECTION, Verb.PLANNED_FAILOVER)
    accidents.back_up("vault")
    took(on, Verb.COMMIT, Verb.REPROTECT)
    accidents.restore()
    on.settle()
    assert verbs.take(on, Verb.CANCEL_FAILOVER) is not None
    verbs.any_way_on(on)
    on.settle()
    on.check()
    assert [site for site, _ in on.ledger.running()] == ["b"]


def test_a_running_machine_keeps_its_files_when_its_appliance_forgot_that_it_started_it(on):
    accidents = Accidents(on)
    took(on, Verb.ENABLE_PROTECTION)
    accidents.back_up("appliance-b")
    took(on, Verb.FAILOVER)
    accidents.restore()
    on.settle()
    took(on, Verb.DISABLE_PROTECTION)
    on.check()
    assert [site for site, _ in on.ledger.running()] == ["b"]


def test_a_vault_that_was_restored_from_before_a_failed_over_machine_was_protected_can_protect_it(on):
    accidents = Accidents(on)
    accidents.back_up("vault")
    took(on, Verb.ENABLE_PROTECTION, Verb.PLANNED_FAILOVER)
    accidents.restore()
    on.settle()
    protected_anew(on)
    on.check()


def test_a_failover_that_could_not_make_its_machine_can_be_given_up(on):
    took(on, Verb.ENABLE_PROTECTION)
    simulated.make_machine(on.rig.home("appliance-b") / "fabric", episode.MACHINE, (4 * MiB,))
    assert verbs.take(on, Verb.FAILOVER) is not None
    took(on, Verb.DISABLE_PROTECTION)


def test_a_machine_whose_appliance_forgot_its_replica_can_be_protected_anew(on):
    accidents = Accidents(on)
    accidents.back_up("appliance-b")
    took(on, Verb.ENABLE_PROTECTION, Verb.PLANNED_FAILOVER)
    accidents.restore()
    on.settle()
    went_back = verbs.take(on, Verb.CANCEL_FAILOVER) is None  # the appliance was told of its replica again
    on.settle()
    took(on, Verb.DISABLE_PROTECTION)
    if went_back:
        took(on, Verb.ENABLE_PROTECTION)
    else:
        protected_anew(on)
    on.check()
    assert on.active_site() == ("a" if went_back else "b")
