"""What is wrong in what is configured: each thing is told, with what to do, and a configuration that is
right has nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secondsite.domain.drills.schedules import DrillSchedule
from secondsite.domain.lifecycle import State
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.domain.policies import ReplicationPolicy
from secondsite.domain.verification_budget import VerificationBudget
from secondsite.vault.facade.nouns.validation import configuration, validating
from secondsite.vault.facade.nouns.validation.configuration import UndatedFlaw, World
from secondsite.vault.store import (
    ApplianceRecord,
    DrillScheduleRecord,
    PlanRecord,
    SiteRecord,
    ValidationRecord,
)
from secondsite.wire.common.stores import Placement, StoreSpace
from secondsite.wire.rest.places import NetworkMapping
from secondsite.wire.rest.validation import Flaw, FlawKind
from tests.support.vault import machine

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GiB = 1 << 30
WEB = PlanMachine("m1", "web01", "a", "b")
GONE = PlanMachine("m9", "gone01", "a", "b")


def appliance(site, *stores):
    return ApplianceRecord(f"appliance-{site}", site * 3, site, NOW, NOW, stores=stores)


def mapped(source, target):
    return NetworkMapping(source_site="a", source_network=source, target_site="b", target_network=target)


def planned(*members):
    return (PlanRecord("shop", RecoveryPlan("shop", (PlanGroup(members),)), NOW, NOW),)


def scheduled(**values):
    schedule = DrillSchedule("nightly", 7, "02:00", **values)
    return (DrillScheduleRecord("nightly", schedule, NOW, NOW, NOW),)


def given(**values):
    return {each: SiteRecord(each, NOW, verification=VerificationBudget(**values)) for each in "ab"}


RIGHT = World(
    sites=given(every_days=7, memory_bytes=GiB),
    networks={"a": frozenset({"lan"}), "b": frozenset({"dr", "lab"})},
    appliances={
        each.id: each
        for each in (
            appliance("a"),
            appliance("b", StoreSpace(name="default", free_bytes=50, size_bytes=100)),
        )
    },
    machines={"m1": machine(drilled_at=NOW)},
    points={"m1": 3},
    memory={"m1": GiB},
    mappings=(mapped("lan", "dr"),),
    policies=(ReplicationPolicy("default"),),
    plans=planned(WEB),
    schedules=scheduled(machines=(WEB,), network="lab"),
)


def test_a_configuration_that_is_right_has_nothing():
    assert list(configuration.found(RIGHT)) == []


WRONG: dict[str, tuple[dict[str, Any], FlawKind, str]] = {
    "a mapping to nowhere": ({"mappings": (mapped("lan", "nowhere"),)}, FlawKind.NETWORK_MISSING,
    "no network 'nowhere'"),
    "a mapping from nowhere": ({"mappings": (mapped("old", "dr"),)}, FlawKind.NETWORK_MISSING,
    "no network 'old'"),
    "an appliance that is gone": ({"appliances": {"appliance-a": appliance("a"),
    "new": replace(appliance("b"), id="new")}}, FlawKind.APPLIANCE_AWAY, "site b is not enrolled"),
    "a store that is gone": ({"machines": {"m1": machine(drilled_at=NOW, keeping={"b": Placement(store="fast")})}}, FlawKind.STORE, "no store 'fast'"),  # noqa: E501
    "a store that cannot be used": (
        {"appliances": {**RIGHT.appliances,
        "x": appliance("b", StoreSpace(name="fast", problem="It is not mounted."))}},
        FlawKind.STORE,
        "not mounted",
    ),
    "a store that is nearly full": (
        {"appliances": {**RIGHT.appliances,
        "x": appliance("b", StoreSpace(name="fast", free_bytes=4, size_bytes=100))}},
        FlawKind.STORE,
        "4 B left of 100 B",
    ),
    "a policy that cannot be met": (
        {"policies": (ReplicationPolicy("p", rpo_threshold_seconds=60, crash_consistent_every_seconds=300),)},
        FlawKind.POLICY,
        "Points are made every 5 min",
    ),
    "a plan whose machine is gone": ({"plans": planned(WEB, GONE)}, FlawKind.PLAN, "gone01 is not protected"),
    "a plan whose machine has no points": ({"points": {"m1": 0}}, FlawKind.PLAN,
    "web01 has no recovery point"),
    "a drill of a machine that is gone": ({"schedules": scheduled(machines=(GONE,))}, FlawKind.SCHEDULE,
    "gone01 is not protected"),
    "a drill of a plan that is gone": ({"schedules": scheduled(plan="no")}, FlawKind.SCHEDULE,
    "There is no plan 'no'"),
    "a drill of an earlier plan of that name": (
        {"schedules": (replace(scheduled(plan="shop")[0], plan_made_at=NOW - timedelta(days=1)),)},
        FlawKind.SCHEDULE,
        "There is no plan 'shop'",
    ),
    "a drill in a network that is gone": (
        {"schedules": scheduled(plan="shop", network="old")},
        FlawKind.NETWORK_MISSING,
        "Site b has no network 'old'",
    ),
    "a machine whose points are never booted": ({"memory": {"m1": 2 * GiB}}, FlawKind.SCHEDULE,
    "its points are never booted"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_what_to_do(name):
    changes, kind, words = WRONG[name]
    (found,) = configuration.found(replace(RIGHT, **changes))
    assert found.kind is kind
    assert words in found.what
    assert found.do


EMPTY = World({}, {}, {}, {}, {}, {}, (), (), (), ())
STEPS = {
    "sites": (EMPTY, "There are 0 sites"),
    "site b": (replace(EMPTY, sites=given(), appliances={"a": appliance("a")}), "no appliance"),
    "machines": (replace(RIGHT, machines={}, plans=(), schedules=()), "No machine is protected"),
    "machine web01": (replace(RIGHT, machines={"m1": machine()}), "It has not been tried"),
    "machine db01": (
        replace(RIGHT, machines={"m1": machine(name="db01", state=State.COMMITTED)}),
        "it waits for reprotect",
    ),
}


@pytest.mark.parametrize("about", STEPS)
def test_the_step_before_a_failover_that_is_missing_is_named(about):
    world, words = STEPS[about]
    (found,) = configuration.found(world)
    assert (found.kind, found.about) == (FlawKind.PREPARATION, about)
    assert words in found.what
    assert "secondsite " in found.do


def test_a_site_that_never_said_what_it_has_lacks_nothing():
    assert list(configuration.found(replace(RIGHT, networks={}))) == []


def flaw(about, since, kind=FlawKind.MACHINE):
    return Flaw(kind=kind, about=about, what="is wrong", do="mend it", sites=("a", "b"), since=since)


def flaws(found, unasked=(), last=()):
    before = ValidationRecord(NOW - timedelta(hours=12), 2, 0, tuple(last))
    return list(validating._flaws(found, set(unasked), before, NOW))  # noqa: SLF001


def test_what_is_still_wrong_keeps_its_time_and_what_was_mended_is_gone():
    old = NOW - timedelta(days=3)
    again = UndatedFlaw(FlawKind.MACHINE, "machine web01", "is wrong", "mend it", ("a", "b"))
    kept = flaws([again], last=[flaw("machine web01", old), flaw("machine db01", old)])
    assert [(each.about, each.since) for each in kept] == [("machine web01", old)]
    assert [each.since for each in flaws([again])] == [NOW]


def test_what_could_not_be_asked_about_stays_as_it_was_found():
    old = NOW - timedelta(days=3)
    last = [flaw("machine web01", old), flaw("machine web01", old, FlawKind.PLAN)]
    assert [each.kind for each in flaws([], unasked=["machine web01"], last=last)] == [FlawKind.MACHINE]
