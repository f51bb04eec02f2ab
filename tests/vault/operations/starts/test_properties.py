"""A machine's name, vCPUs, memory and CPU model at its second site go with each start there, and never
with one at home."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.ground.units import GiB
from secondsite.vault.store import MachinePropertiesRecord
from secondsite.wire.common.properties import Sizing, TargetProperties
from tests.vault.support_operations import said

SIZED = Sizing(vcpus=2, memory_bytes=1 * GiB, cpu_model="Nehalem")
SET = {"target_name": "web01-dr", **dict(SIZED)}


def furnish(verbs, **properties):
    verbs.protect()
    change(verbs, **properties)


def change(verbs, **properties):
    with verbs.store.transaction() as tx:
        tx.properties.put(MachinePropertiesRecord(verbs.machine().id, TargetProperties(**properties)))


def started(verbs, verb, **arguments):
    run = verbs.run(verb, **arguments)
    assert run.job.state == "succeeded", run
    return verbs.appliances.started[-1], run


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_failover_starts_the_machine_as_is_set_and_the_target_is_asked_before(verbs, verb):
    furnish(verbs, **SET)
    payload, run = started(verbs, verb)
    assert (payload.name, payload.sizing) == ("web01-dr", SIZED)
    asked = verbs.appliances.checked
    assert (asked.name, asked.sizing) == ("web01-dr", SIZED)
    assert "vCPU" not in run.tasks[0].sentence


def test_without_anything_set_it_is_as_at_home(verbs):
    verbs.protect()
    payload, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert (payload.name, payload.sizing) == (verbs.machine().name, Sizing())


def test_a_drill_has_the_same_vcpus_and_memory_under_its_own_name(verbs):
    furnish(verbs, **SET)
    payload, _ = started(verbs, Verb.TEST_FAILOVER, network="none")
    assert (payload.name, payload.sizing) == (f"{verbs.machine().name}-test", SIZED)
    assert verbs.appliances.checked.sizing == SIZED


def test_what_is_set_meanwhile_counts_when_the_recovery_point_is_changed(verbs):
    furnish(verbs, target_name="web01-dr")
    assert started(verbs, Verb.FAILOVER)[0].sizing == Sizing()
    change(verbs, **SET)
    payload, _ = started(verbs, Verb.CHANGE_RECOVERY_POINT, point=verbs.appliances.started[-1].point_id)
    assert (payload.name, payload.sizing) == ("web01-dr", SIZED)


def test_it_does_not_count_on_the_way_home_nor_in_a_drill_there_and_counts_again_after_it(verbs):
    furnish(verbs, **SET)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    drill, _ = started(verbs, Verb.TEST_FAILOVER, network="none")
    assert drill.sizing == verbs.appliances.checked.sizing == Sizing()
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER).job.state == "succeeded"
    home, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert (home.home, home.name, home.sizing) == (True, verbs.machine().name, Sizing())
    assert verbs.appliances.checked.name == verbs.machine().name
    for verb in (Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    away, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert (away.name, away.sizing) == ("web01-dr", SIZED)


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER])
def test_an_older_appliance_is_warned_of_and_what_it_left_out_is_told_after_the_start(verbs, verb):
    verbs.appliances.sizes = False
    furnish(verbs, **SET)
    _, run = started(verbs, verb, **({"network": "none"} if verb is Verb.TEST_FAILOVER else {}))
    assert "does not set this" in run.tasks[0].sentence
    assert "without 2 vCPUs and 1 GiB of memory and CPU model Nehalem" in said(run, "Start").sentence


def test_one_that_knows_no_cpu_model_is_warned_of_for_that_alone(verbs):
    verbs.appliances.sets_cpu_model = False
    furnish(verbs, **SET)
    _, run = started(verbs, Verb.FAILOVER)
    assert "will not have CPU model Nehalem there" in run.tasks[0].sentence
    assert said(run, "Start").sentence.endswith(
        "; without CPU model Nehalem, because the appliance is of a release that does not set it"
    )


def test_an_older_appliance_knows_names_and_is_not_warned_of_for_one(verbs):
    verbs.appliances.sizes = False
    furnish(verbs, target_name="web01-dr")
    payload, run = started(verbs, Verb.FAILOVER)
    assert payload.name == "web01-dr"
    assert "vCPU" not in run.tasks[0].sentence


def test_what_was_set_goes_with_the_protection(verbs):
    furnish(verbs, **SET)
    machine_id = verbs.machine().id
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    with verbs.store.reading() as tx:
        assert tx.properties.find(machine_id) == TargetProperties()
