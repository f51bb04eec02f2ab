"""What would stop a verb half way is found by its prerequisites check, with the way out, while all still
runs."""

from datetime import UTC, datetime

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.health import findings
from secondsite.vault.store import StatusRecord
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control import checks
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

TAKEN = checks.ObstacleShape(
    what="Another machine at this site has the name 'web01'.", do="Rename that machine."
)


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        yield verbs
        verbs.close()


def came_to(verbs, verb):
    """Before this verb, with nothing in the way."""
    verbs.protect()
    if verb is Verb.REPROTECT:
        for before in (Verb.FAILOVER, Verb.COMMIT):
            assert verbs.run(before).job.state == "succeeded"
    verbs.appliances.given.clear()


def refusal(verbs, verb, **arguments):
    """The error of the check; nothing else was done than looking."""
    before = verbs.state()
    job = verbs.run(verb, **arguments)
    assert job.job.error.code == "prerequisite-failed"
    acted = {
        Kind.SHUT_DOWN,
        Kind.PRE_COPY,
        Kind.ACCEPT_CYCLES,
        Kind.WITHDRAW,
        Kind.CREATE_NETWORK,
        Kind.PREPARE_REPLICA,
    }
    assert not acted & {kind for _, kind, _ in verbs.appliances.given}
    assert verbs.state() is before
    return job.job.error


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.FAILOVER, Verb.TEST_FAILOVER])
def test_a_name_that_is_taken_at_the_target_is_found_while_the_source_runs(verbs, verb):
    came_to(verbs, verb)
    verbs.appliances.obstacles = (TAKEN,)
    assert "Rename that machine." in refusal(verbs, verb).message
    asked = verbs.appliances.checked
    assert asked.name == {Verb.TEST_FAILOVER: "web01-test"}.get(verb, "web01")
    assert asked.fabric_id is not None
    assert verbs.appliances.running(verbs.machine().id) == [A]


def test_a_machine_whose_name_is_taken_at_the_target_is_not_protected(verbs):
    verbs.appliances.obstacles = (TAKEN,)
    assert "Rename that machine." in refusal(verbs, Verb.ENABLE_PROTECTION).message
    assert verbs.appliances.checked.name == "web01"


def test_the_way_home_asks_for_the_name_too(verbs):
    verbs.protect()
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.given.clear()
    verbs.appliances.obstacles = (TAKEN,)
    refusal(verbs, Verb.PLANNED_FAILOVER)
    assert verbs.appliances.checked.definition is None
    assert verbs.appliances.checked.fabric_id == verbs.machine().target_fabric_id
    assert verbs.appliances.running(verbs.machine().id) == [B]


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.REPROTECT])
def test_a_machine_whose_memory_is_saved_is_refused_by_the_check_with_the_way_out(verbs, verb):
    came_to(verbs, verb)
    verbs.appliances.saved = {A}
    error = refusal(verbs, verb)
    assert "is saved: its disks alone" in error.message
    assert "virsh managedsave-remove" in error.do
    assert ("virsh start" in error.do) is (verb is Verb.PLANNED_FAILOVER), (
        "at a an old copy must not be started"
    )
    verbs.appliances.saved = set()
    assert verbs.run(verb).job.state == "succeeded"
    assert verbs.state() in (State.PLANNED_FAILED_OVER, State.PROTECTED)


WARNING = checks.ObstacleShape(what="The machine uses a hostdev.", do="Try a drill.", blocking=False)


@pytest.mark.parametrize("verb", [Verb.ENABLE_PROTECTION, Verb.PLANNED_FAILOVER, Verb.REPROTECT])
def test_what_a_check_warns_of_is_in_its_sentence_and_a_finding_until_the_next_check(verbs, verb):
    if verb is not Verb.ENABLE_PROTECTION:
        came_to(verbs, verb)
    verbs.appliances.obstacles = (WARNING,)
    run = verbs.run(verb)
    assert run.job.state == "succeeded"
    assert "The machine uses a hostdev. Try a drill." in run.tasks[0].sentence
    assert "The machine uses a hostdev. Try a drill." in found_of(verbs)["checked-with-warnings"]
    verbs.appliances.obstacles = ()
    if verb is not Verb.PLANNED_FAILOVER:
        assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
        assert "checked-with-warnings" not in found_of(verbs)


SAVED = checks.ObstacleShape(
    what="The memory of web01 is saved.", do="Type 'virsh start web01'.", blocking=False, about="saved"
)


def power_is(verbs, power):
    """What the source's appliance says of it."""
    with verbs.store.transaction() as tx:
        known = tx.statuses.get(verbs.machine().id).source
        tx.statuses.put_source(known.model_copy(update={"power": power}), verbs.clock.now())


def told(verbs):
    """The finding of the check, with what the source's appliance says."""
    machine = verbs.machine()
    with verbs.store.reading() as tx:
        situation = findings.Situation(machine, tx.statuses.get(machine.id), None, None, None)
    found = {each.code: each.what for each in findings.findings(situation, datetime.now(UTC))}
    return found.get("checked-with-warnings", "")


def test_what_is_said_of_saved_memory_goes_once_the_machine_runs_and_never_is_advice_for_an_old_copy(verbs):
    """It outlived the failover, and whoever did what it said had two copies that wrote."""
    verbs.appliances.obstacles = (SAVED, WARNING)
    verbs.protect()
    power_is(verbs, "saved")
    assert "virsh start web01" in told(verbs)
    power_is(verbs, "running")
    assert told(verbs).startswith("The machine uses a hostdev.")
    assert "virsh start" not in told(verbs)
    power_is(verbs, "saved")
    verbs.appliances.obstacles = ()
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
        assert told(verbs) == ""


@pytest.mark.parametrize("power", ["saved", "running"])
def test_a_failover_says_that_saved_memory_stays_behind(verbs, power):
    """It goes on without a word otherwise, ten seconds after a planned one was refused."""
    came_to(verbs, Verb.FAILOVER)
    power_is(verbs, power)
    run = verbs.run(Verb.FAILOVER)
    assert run.job.state == "succeeded"
    said = "The memory of web01 is saved at a, and stays behind"
    assert (said in run.tasks[0].sentence) is (power == "saved")
    assert ("must not be started" in run.tasks[0].sentence) is (power == "saved")


def found_of(verbs):
    machine = verbs.machine()
    situation = findings.Situation(machine, StatusRecord(machine.id), None, None, None)
    return {each.code: each.what for each in findings.findings(situation, datetime.now(UTC))}


def mapped(verbs, target_network="lan-b"):
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(
                source_site="a", source_network="lan", target_site="b", target_network=target_network
            )
        )


def test_a_planned_failover_needs_the_mapped_networks_to_be_there(verbs):
    came_to(verbs, Verb.PLANNED_FAILOVER)
    mapped(verbs)
    verbs.appliances.obstacles = (TAKEN,)
    refusal(verbs, Verb.PLANNED_FAILOVER)
    assert verbs.appliances.checked.networks == ("lan-b",)
    verbs.appliances.obstacles = ()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    started = verbs.appliances.started[-1]
    assert (started.networks, started.without_missing_networks) == ({"net0": "lan-b"}, False)
    assert started.goes_on


def test_a_failover_in_need_only_warns_of_networks_and_starts_without_those_that_are_gone(verbs):
    came_to(verbs, Verb.FAILOVER)
    mapped(verbs)
    verbs.appliances.obstacles = (WARNING,)
    run = verbs.run(Verb.FAILOVER)
    assert (run.job.state, verbs.appliances.checked.networks) == ("succeeded", ())
    (card,) = verbs.appliances.checked.cards
    assert (card.key, card.mac, card.network) == ("net0", "52:54:00:00:00:01", "lan-b")
    assert verbs.appliances.started[-1].without_missing_networks
    assert not verbs.appliances.started[-1].goes_on
    point = verbs.machine().failed_over_point_id
    verbs.appliances.started.clear()
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point).job.state == "succeeded"
    assert verbs.appliances.started[-1].without_missing_networks
    assert not verbs.appliances.started[-1].goes_on


def test_a_failover_looks_at_the_memory_and_tells_what_both_appliances_say_is_wrong(verbs):
    """As a planned one does, which is refused for a host with too little memory."""
    came_to(verbs, Verb.FAILOVER)
    wrong = FindingShape(code="target-store-full", what="The store is full.", since=verbs.clock.now())
    with verbs.store.transaction() as tx:
        known = tx.statuses.get(verbs.machine().id).replica
        tx.statuses.put_replica(known.model_copy(update={"findings": (wrong,)}), verbs.clock.now())
    run = verbs.run(Verb.FAILOVER)
    assert run.job.state == "succeeded"
    assert "At b: The store is full. " in run.tasks[0].sentence
    needed = verbs.machine().definition.memory_bytes
    assert verbs.appliances.checked.memory == checks.MemoryNeed(memory_bytes=needed)


def test_a_planned_failover_needs_a_host_with_the_machine_s_memory(verbs):
    came_to(verbs, Verb.PLANNED_FAILOVER)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert verbs.appliances.checked.memory.blocking


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.FAILOVER])
def test_a_card_without_a_mapped_network_is_told_by_the_check(verbs, verb):
    came_to(verbs, verb)
    run = verbs.run(verb)
    said = "net0 (52:54:00:00:00:01) has no mapped network at b: it will not be connected."
    assert said in run.tasks[0].sentence
    assert "secondsite mapping create a/lan b/NETWORK" in run.tasks[0].sentence
    assert "checked-with-warnings" not in found_of(verbs)


def test_the_way_home_asks_for_no_networks(verbs):
    came_to(verbs, Verb.PLANNED_FAILOVER)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        run = verbs.run(verb)
        assert run.job.state == "succeeded"
    assert (verbs.appliances.checked.cards, verbs.appliances.checked.networks) == ((), ())
    assert "mapped" not in run.tasks[0].sentence
