"""What is otherwise than when a test failover last passed."""

from dataclasses import replace

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.vault.health import standing_findings
from secondsite.vault.steps.drills import drift
from secondsite.vault.store import MachineHooksRecord, PlanRecord, ProvenRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.hooks import MachineHook
from secondsite.wire.common.machines import DiskDefinition, NicDefinition
from secondsite.wire.common.properties import TargetProperties
from tests.support.vault import NOW, machine
from tests.vault.support_operations import Verbs, folder_in_memory

GiB = 1 << 30
GIVE, TAKE, TELL = (
    MachineHook(name=name, script=name, moment=moment)
    for name, moment in (("give", "after_start"), ("take", "before_stop"), ("tell", "after_start"))
)
NIC = NicDefinition(key="net0", mac="52:54:00:00:00:01", network="lan")
BEFORE = ProvenRecord(
    NOW,
    machine().definition.model_copy(update={"nics": (NIC,)}),
    TargetProperties(),
    plans={"shop": 1},
    hooks=(GIVE, TAKE),
)


def with_definition(**changes):
    return replace(BEFORE, definition=BEFORE.definition.model_copy(update=changes))


DISK = BEFORE.definition.disks[0]
CHANGES = {
    "more memory": (with_definition(memory_bytes=GiB), "memory 128 MiB became 1 GiB"),
    "more vCPUs": (with_definition(vcpus=4), "vCPUs 1 became 4"),
    "other firmware": (with_definition(firmware="uefi"), "firmware bios became uefi"),
    "a new disk": (
        with_definition(disks=(*BEFORE.definition.disks, DiskDefinition(key="vdz", size_bytes=1))),
        "disk vdz is new",
    ),
    "a disk that is gone": (with_definition(disks=BEFORE.definition.disks[1:]), f"disk {DISK.key} is gone"),
    "a disk that grew": (
        with_definition(
            disks=(DISK.model_copy(update={"size_bytes": 2 * GiB}), *BEFORE.definition.disks[1:])
        ),
        f"disk {DISK.key} has",
    ),
    "a card that is gone": (with_definition(nics=()), "card 52:54:00:00:00:01 is gone"),
    "a card elsewhere": (
        with_definition(nics=(NIC.model_copy(update={"network": "dmz"}),)),
        "is on dmz instead of lan",
    ),
    "a property": (
        replace(BEFORE, properties=TargetProperties(memory_bytes=GiB)),
        "memory at the second site: as at home became 1 GiB",
    ),
    "a card's settings": (
        replace(BEFORE, cards=(CardSettings(mac=NIC.mac, network="dr"),)),
        "what is set for 1 card at the second site",
    ),
    "another group": (replace(BEFORE, plans={"shop": 2}), "it is in group 2 of plan shop instead of 1"),
    "out of a plan": (replace(BEFORE, plans={}), "it is no longer in plan shop"),
    "a new hook": (replace(BEFORE, hooks=(GIVE, TAKE, TELL)), "hook tell is new"),
    "a hook that is gone": (replace(BEFORE, hooks=(TAKE,)), "hook give is gone"),
    "another script": (
        replace(BEFORE, hooks=(GIVE.model_copy(update={"script": "other"}), TAKE)),
        "hook give is another one",
    ),
    "hooks in another order": (replace(BEFORE, hooks=(TAKE, GIVE)), "its hooks run in another order"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_named(name):
    after, words = CHANGES[name]
    (said,) = drift.changes(BEFORE, after)
    assert words in said
    assert list(drift.changes(after, after)) == []


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect("web01")
        yield verbs
        verbs.close()


def drill(verbs, verdict):
    verbs.run(Verb.TEST_FAILOVER)
    verbs.run(Verb.CLEANUP_TEST_FAILOVER, verdict=verdict)


def look(verbs, **changes):
    there = verbs.appliances.inventory[0].model_copy(update=changes)
    with verbs.store.transaction() as tx:
        found = tx.machines.find("web01")
        assert found is not None
        changed = drift.drift(tx, found, there, verbs.clock.now())
        tx.machines.put(replace(found, drift=changed))
    return [
        each.what
        for each in standing_findings.standing(verbs.machine(), NOW.replace(year=2027))
        if each.code == "drifted"
    ]


def test_only_a_drill_that_passed_says_what_the_machine_is(verbs):
    drill(verbs, "failed")
    assert verbs.machine().proven_as is None
    assert look(verbs, memory_bytes=GiB) == []
    drill(verbs, "passed")
    assert look(verbs) == []
    (what,) = look(verbs, memory_bytes=GiB)
    assert "memory 128 MiB became 1 GiB" in what
    since = verbs.machine().drift.since
    verbs.clock.pass_by(86400)
    look(verbs, memory_bytes=GiB, vcpus=2)
    assert verbs.machine().drift.since == since
    drill(verbs, "failed")
    assert verbs.machine().drift is not None
    drill(verbs, "passed")
    assert verbs.machine().drift is None


def test_its_place_in_a_plan_counts(verbs):
    drill(verbs, "passed")
    found = verbs.machine()
    member = PlanMachine(found.id, found.name, "a", "b")
    with verbs.store.transaction() as tx:
        tx.plans.put(PlanRecord("shop", RecoveryPlan("shop", (PlanGroup((member,)),)), NOW, NOW))
    assert "it is in plan shop now" in look(verbs)[0]


def test_of_a_site_that_does_not_answer_stands_what_was_found(verbs):
    drill(verbs, "passed")
    look(verbs, vcpus=2)
    with verbs.store.reading() as tx:
        assert drift.drift(tx, verbs.machine(), None, NOW) == verbs.machine().drift


def test_hooks_that_were_set_since_are_named_but_for_records_of_a_vault_that_kept_none(verbs):
    drill(verbs, "passed")
    found = verbs.machine()
    with verbs.store.transaction() as tx:
        tx.hooks.put(MachineHooksRecord(found.id, (GIVE,)))
    assert "hook give is new" in look(verbs)[0]
    with verbs.store.transaction() as tx:
        now = tx.machines.get(found.id)
        tx.machines.put(replace(now, proven_as=replace(now.proven_as, hooks=None)))
    assert look(verbs) == []
