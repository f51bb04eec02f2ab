"""What a machine's owner changes at home after protection began: the vault's record follows what its source
says, and nothing else does."""

from dataclasses import replace

import pytest

from secondsite.domain import errors
from secondsite.vault.store.machines.machines import MachineRecords
from secondsite.wire.common.machines import NicDefinition
from secondsite.wire.control import Status
from secondsite.wire.control.statuses import SeenCard, SeenHardware
from tests.support.vault import NOW, source_status
from tests.vault.support_intake import Intake

CARD = SeenCard(key="net0", mac="52:54:00:00:00:01", network="campus/two words", vlans=(7,))
MOVED = SeenHardware(vcpus=3, memory_bytes=5 << 20, cards=(CARD,))


@pytest.fixture
def intake(store):
    return Intake(store, lambda _signal: None, lambda: NOW)


def say(intake, by="appliance-a", **changes):
    intake.status(by, Status(sources=(source_status(**changes),)))


def recorded(store):
    with store.reading() as tx:
        return tx.machines.get("m1")


def test_the_record_has_the_hardware_that_the_source_says_and_keeps_the_rest(store, intake):
    before = recorded(store).definition
    say(intake, hardware=MOVED)
    now = recorded(store).definition
    (nic,) = now.nics
    assert nic == NicDefinition(key="net0", mac="52:54:00:00:00:01", network="campus/two words", vlans=(7,))
    assert (now.vcpus, now.memory_bytes) == (3, 5 << 20)
    same = {"nics": before.nics, "vcpus": before.vcpus, "memory_bytes": before.memory_bytes}
    assert now.model_copy(update=same) == before


def test_it_is_written_once(store, intake):
    say(intake, hardware=MOVED)
    version = recorded(store).version
    say(intake, hardware=MOVED, last_seq=9)
    say(intake, hardware=MOVED, power="off")
    assert recorded(store).version == version


def test_an_older_appliance_changes_nothing(store, intake):
    before = recorded(store)
    say(intake)
    assert recorded(store) == before


@pytest.mark.parametrize(
    "changes", [{"epoch": 2}, {"source_site": "b", "target_site": "a"}], ids=["another epoch", "away"]
)
def test_what_is_not_its_home_s_of_now_does_not_count(store, intake, changes):
    with store.transaction() as tx:
        tx.machines.put(replace(tx.machines.get("m1"), **changes))
    before = recorded(store)
    say(intake, hardware=MOVED)
    assert recorded(store) == before


def test_another_appliance_does_not_change_it(store, intake):
    before = recorded(store)
    say(intake, by="appliance-b", hardware=MOVED)
    assert recorded(store) == before


def test_a_record_that_a_verb_changes_at_the_same_time_is_written_next_time(store, intake, monkeypatch):
    put = MachineRecords.put

    def refused(*_):
        raise errors.Conflict("changed meanwhile")

    monkeypatch.setattr(MachineRecords, "put", refused)
    say(intake, hardware=MOVED)
    monkeypatch.setattr(MachineRecords, "put", put)
    assert recorded(store).definition.vcpus != 3
    say(intake, hardware=MOVED, last_seq=9)
    assert recorded(store).definition.vcpus == 3
