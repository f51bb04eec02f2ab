"""A new vault adopts an appliance that a machine has left, before it adopts the one that has it now."""

from dataclasses import replace

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from tests.support.enrolled import enrolled
from tests.vault.facade.nouns.adoption.support_adoption import ends

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def running(world):
    """Sites at which the machine runs."""
    return sorted(
        name
        for name, site in world.sites.items()
        for each in site.fabric.inventory.list()
        if each.name == "web01" and each.power is PowerState.RUNNING
    )


def moved(world):
    """web01 was failed over while site a was cut off, is committed, and is protected back to another
    appliance of a. The old one does not come back to this vault: it would be told to let go of web01."""
    old = world.sites.pop("a")
    old.stop()
    world.run("failover", "web01")
    world.run("commit", "web01")
    (machine,) = [each for each in old.fabric.inventory.list() if each.name == "web01"]
    old.fabric.power.stop(machine.fabric_id)
    new = world.sites["new"] = enrolled(world.vault, world.folder / "new", "a").start()
    simulated.add_network(new.root, "lan")
    world.wait_connected("new")
    world.run("reprotect", "web01", location="alternate", target_appliance=new.appliance_id)
    world.wait_kept()
    world.sites["old"] = old


def again(world, name, at, monkeypatch):
    """The appliance enrolls at the vault of now, with a key of its site."""
    world.sites[at] = world.sites[name]
    world.enroll_again(at, monkeypatch)
    if at != name:
        del world.sites[at]


def test_the_later_direction_counts_and_meanwhile_nothing_is_stopped_and_no_old_copy_started(
    furnished, monkeypatch
):
    world = furnished
    moved(world)
    assert running(world) == ["b"]
    world.lose_vault()
    world.new_vault()
    again(world, "old", "a", monkeypatch)
    again(world, "b", "b", monkeypatch)
    assert ends(world.adopt("old"))["web01"] == "adopted"
    stale = world.machine()
    assert (stale.state, stale.source_site, stale.target_site) == (State.PROTECTED, "a", "b")
    for verb in ("planned-failover", "failover"):
        world.run(verb, "web01", fails=True)
        assert running(world) == ["b"], verb
    (told,) = [each for each in world.adopt("b").machines if each.name == "web01"]
    assert str(told.end) == "completed"
    assert "see that no copy runs there" in " ".join(told.says)
    found = world.record()
    assert (found.source_site, found.target_site, found.target_appliance_id) == (
        "b",
        "a",
        world.sites["new"].appliance_id,
    )
    (left,) = [each for each in world.adopt("old").machines if each.name == "web01"]
    assert (str(left.end), "The copy here is an old one" in left.do) == ("left", True)
    again(world, "new", "a", monkeypatch)
    assert ends(world.adopt("new")) == {"web01": "here"}
    world.run("planned-failover", "web01")
    assert running(world) == ["new"]


def moved_home(world):
    """web01 went to b and came home again; returns its record of when it ran at b, protected back to a."""
    for verb in ("failover", "commit", "reprotect"):
        world.run(verb, "web01")
    world.wait_protected()
    before = world.record()
    for verb in ("planned-failover", "commit"):  # and it is protected again by itself
        world.run(verb, "web01")
    world.wait_protected()
    return before


def put_back(world, before):
    """As in a vault that was restored from a backup of then."""
    with world.vault.store.transaction() as tx:
        tx.machines.put(replace(before, version=tx.machines.find("web01").version))


def test_a_record_from_before_the_way_home_is_told_and_adoption_takes_the_machine_over_as_it_is(furnished):
    world = furnished
    now = moved_home(world)
    put_back(world, now)

    def behind():
        return [each.what for each in world.machine().findings if each.code == "record-is-behind"]

    (told,) = eventually(behind, within_seconds=30)
    assert "site a replicates it in its epoch 3, and this vault knows of epoch 2" in told
    for verb in ("planned-failover", "failover", "resynchronize"):
        assert "secondsite vault adopt APPLIANCE" in str(world.run(verb, "web01", fails=True)), verb
    assert running(world) == ["a"]
    assert ends(world.adopt("b"))["web01"] == "completed"
    assert ends(world.adopt("a"))["web01"] == "here"
    found = world.machine()
    assert (found.state, found.source_site, found.target_site) == (State.PROTECTED, "a", "b")
    eventually(lambda: not behind(), within_seconds=30)
    world.run("planned-failover", "web01")
    assert running(world) == ["b"]
