"""A disk that its owner made larger, wherever and whenever: the record follows, and the machine moves both
ways with all that it holds."""

from pathlib import Path

import pytest

from rig import guest_disk
from secondsite.domain.lifecycle import State, Verb
from secondsite.fabrics import simulated
from tests.vault.real_sites.support_real_sites import DISK_BYTES, opened
from tests.vault.support_operations import folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AT_HOME, AWAY, OFF, WHILE_AWAY = "athome", "away", "off", "whileaway"
GROWN = 2 * DISK_BYTES
END = GROWN // (64 * 1024) - 1
"""The number of the last block of a disk that was made larger."""
MOVE = (Verb.PLANNED_FAILOVER, Verb.COMMIT)


@pytest.fixture(scope="module")
def verbs():
    with folder_in_memory() as folder, opened(Path(folder), (AT_HOME, AWAY, OFF, WHILE_AWAY)) as verbs:
        verbs.run(Verb.ENABLE_PROTECTION, AT_HOME, AWAY, OFF, WHILE_AWAY)
        yield verbs


def grow(verbs, name):
    """The disk of the one copy that runs."""
    ((letter, fabric_id),) = verbs.copies(name)
    simulated.resize(verbs.site(letter).root, fabric_id, "vda", GROWN)


def is_well(verbs, name, letter):
    """It runs there with a disk of that size, and what was written at its end; the record knows the size."""
    ((where, fabric_id),) = verbs.copies(name)
    assert where == letter
    content = guest_disk.read(verbs.site(letter).root, fabric_id)
    assert len(content) == GROWN
    assert content[-64 * 1024 :] == bytes([END]) * 64 * 1024


def done(verbs, verb, name):
    tree = verbs.run(verb, name)
    assert tree.job.state == "succeeded", tree


def comes_home(verbs, name):
    """From the second site, where it was committed; and it goes there again."""
    done(verbs, Verb.REPROTECT, name)
    assert size_on_record(verbs, name) == GROWN
    for verb in MOVE:
        done(verbs, verb, name)
    is_well(verbs, name, "a")
    done(verbs, Verb.REPROTECT, name)
    assert verbs.shown(name).state == State.PROTECTED


def size_on_record(verbs, name):
    with verbs.store.reading() as tx:
        (disk,) = tx.machines.find(name).definition.disks
    return disk.size_bytes


def test_grown_at_home_while_it_was_replicated(verbs):
    grow(verbs, AT_HOME)
    verbs.write(AT_HOME, END)
    for verb in MOVE:
        done(verbs, verb, AT_HOME)
    is_well(verbs, AT_HOME, "b")
    comes_home(verbs, AT_HOME)


def test_grown_at_the_second_site(verbs):
    for verb in MOVE:
        done(verbs, verb, AWAY)
    grow(verbs, AWAY)
    verbs.write(AWAY, END)
    comes_home(verbs, AWAY)


def test_grown_while_it_was_off(verbs):
    ((letter, fabric_id),) = verbs.copies(OFF)
    site = verbs.site(letter)
    site.fabric.power.stop(fabric_id)
    simulated.resize(site.root, fabric_id, "vda", GROWN)
    site.fabric.power.start(fabric_id)
    verbs.write(OFF, END)
    for verb in MOVE:
        done(verbs, verb, OFF)
    comes_home(verbs, OFF)


def test_an_old_disk_that_grew_while_the_machine_was_away_is_told_with_a_way_that_loses_nothing(verbs):
    ((_, at_home),) = verbs.copies(WHILE_AWAY)
    for verb in MOVE:
        done(verbs, verb, WHILE_AWAY)
    simulated.resize(verbs.site("a").root, at_home, "vda", GROWN)
    refused = verbs.run(Verb.REPROTECT, WHILE_AWAY)
    assert refused.job.state == "failed"
    assert "does not come home to a larger one" in str(refused)
    assert f"virsh blockresize MACHINE vda {GROWN}b" in str(refused)
    assert "shrink" not in str(refused)
    grow(verbs, WHILE_AWAY)
    verbs.write(WHILE_AWAY, END)
    comes_home(verbs, WHILE_AWAY)
