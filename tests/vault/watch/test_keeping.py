"""Appliances are told what starts their machines without the vault, once, and again when it has changed."""

import dataclasses
from datetime import UTC, datetime

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.vault.fleet import rescue_manifest
from secondsite.vault.fleet.settings_push import COMING
from secondsite.vault.store import MachinePropertiesRecord, PlanRecord
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, machine

TAKEN = {kind: lambda order: {"sentence": "ok"} for kind in (Kind.SET_SITE, Kind.UPDATE_POLICY, Kind.KEEP)}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
REFUSED = {"problem": {"code": "fabric-error", "message": "The disk is full.", "do": "Make room."}}


@pytest.fixture
def looks(monkeypatch):
    """Counts the looks at an appliance."""
    counted, kept_by = [], rescue_manifest.kept_by

    def counting(*asked):
        counted.append(asked)
        return kept_by(*asked)

    monkeypatch.setattr(rescue_manifest, "kept_by", counting)
    return counted


@pytest.fixture
def target(vault):
    """The identity of the appliance that holds a machine."""
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    return target


def told(dialler):
    return [order.payload for order in list(dialler.told) if order.kind == Kind.KEEP]


def woken(vault, condition):
    """Whether it is true once the vault has looked, without waiting for its next round."""

    def look():
        vault.running.keeping_push.wake()
        return condition()

    eventually(look)


def put(vault, **changes):
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), **changes))


def test_what_a_machine_is_to_be_there_is_told_and_told_again_when_it_changes(vault, target, looks):
    with Dialler(target, TAKEN) as dialler:
        woken(vault, lambda: [each["machines"][0]["id"] for each in told(dialler)] == ["m1"])
        with vault.store.transaction() as tx:
            wanted = TargetProperties(target_name="other", vcpus=3)
            tx.properties.put(MachinePropertiesRecord("m1", wanted))
        woken(vault, lambda: len(told(dialler)) == 2)
        (kept,) = told(dialler)[-1]["machines"]
        assert (kept["name"], kept["sizing"]["vcpus"]) == ("other", 3)
        seen = len(looks)
        woken(vault, lambda: len(looks) > seen + 3)
        assert len(told(dialler)) == 2, "told again, although nothing had changed"


@pytest.mark.parametrize("coming", COMING)
def test_a_machine_whose_replica_is_being_made_is_told_once_that_is_there(vault, target, coming):
    put(vault, state=coming)
    with Dialler(target, TAKEN) as dialler:
        woken(vault, lambda: [each.get("machines", []) for each in told(dialler)] == [[]])
        put(vault, state=State.PROTECTED)
        woken(vault, lambda: [len(each.get("machines", [])) for each in told(dialler)] == [0, 1])


def test_plans_of_its_machines_are_told_with_what_people_do(vault, target):
    look = Action("Look", instruction="Look at it")
    here, far = PlanMachine("m1", "web01", "a", "b"), PlanMachine("m9", "far", "b", "a")
    with vault.store.transaction() as tx:
        for name, one in (("shop", here), ("far", far)):
            plan = RecoveryPlan(name, (PlanGroup((one,), after=(look,)),))
            tx.plans.put(PlanRecord(name, plan, NOW, NOW))
    with Dialler(target, TAKEN) as dialler:
        woken(vault, lambda: told(dialler))
        (plan,) = told(dialler)[-1]["plans"]
        assert plan["name"] == "shop"
        assert plan["groups"][0]["after"][0]["instruction"] == "Look at it"


def test_one_that_cannot_keep_it_is_asked_again_later_and_not_all_the_time(vault, target, looks):
    with Dialler(target, {**TAKEN, Kind.KEEP: lambda order: REFUSED}) as dialler:
        woken(vault, lambda: len(told(dialler)) == 1)
        seen = len(looks)
        woken(vault, lambda: len(looks) > seen + 3)
        assert len(told(dialler)) == 1


def test_one_that_connects_again_is_told_again(vault, target):
    known = vault.running.keeping_push._told  # noqa: SLF001 that it was forgotten shows nowhere else
    for _ in range(2):
        with Dialler(target, TAKEN) as dialler:
            woken(vault, lambda dialler=dialler: told(dialler))
        woken(vault, lambda: not known)


def test_one_that_connects_again_before_it_was_seen_away_is_told_again(vault, target):
    """Its store may be another one; it was told six hours later."""
    with Dialler(target, TAKEN) as first:
        woken(vault, lambda: told(first))
        with Dialler(target, TAKEN) as again:
            woken(vault, lambda: told(again))


def test_of_a_machine_that_comes_home_the_appliance_there_is_told_that_it_does(vault):
    home, away = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        there = machine(source_appliance_id=away.id, target_appliance_id=home.id)
        tx.machines.add(dataclasses.replace(there, source_site="b", target_site="a"))
        (kept,) = rescue_manifest.kept_by(tx, tx.appliances.find(home.id)).machines
    assert kept.home
