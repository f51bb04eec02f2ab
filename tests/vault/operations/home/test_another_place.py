"""Protected back to another place: the old machine, its disks, its appliance or its site are gone; or the
operator wants another appliance."""

import dataclasses

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.ground.units import GiB
from secondsite.wire.common.stores import Placement
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.setups import Base
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_appliances import A, B, definition
from tests.vault.support_operations import said

OTHER_A, OTHER_B = "other-appliance-a", "other-appliance-b"


@pytest.fixture
def away(verbs):
    """web01 runs at b, committed; there is another appliance at each site, and one at a third."""
    for like, name in ((A, OTHER_A), (B, OTHER_B)):
        add(verbs, like, name)
    verbs.appliances.never_had = {OTHER_A, OTHER_B}
    verbs.appliances.hosts |= {OTHER_A: (), OTHER_B: ()}
    protected = verbs.run(Verb.ENABLE_PROTECTION, target_appliance=B)
    assert protected.job.state == "succeeded"
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.given.clear()
    return verbs


def add(verbs, like, name):
    with verbs.store.transaction() as tx:
        first = tx.appliances.find(like)
        hello = first.hello.model_copy(update={"appliance_id": name})
        tx.appliances.put(dataclasses.replace(first, id=name, name=name, hello=hello, store_free_bytes=GiB))


def elsewhere(verbs, name=OTHER_A, **more):
    return verbs.run(Verb.REPROTECT, location="alternate", target_appliance=name, **more)


def given_to(verbs, appliance):
    return [kind for at, kind, _ in verbs.appliances.given if at == appliance]


def ended(verbs, job_id):
    """The job; what waits for a site goes on waiting."""
    for _ in range(300):
        if verbs.tree(job_id).job.state.ended:
            break
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    return verbs.tree(job_id)


def elsewhere_without_a(verbs, **more):
    verbs.appliances.destroy(A)
    job = ended(verbs, verbs.submit(Verb.REPROTECT, location="alternate", target_appliance=OTHER_A, **more))
    assert job.job.state == "succeeded", job.job.error
    return job


def test_an_appliance_that_is_gone_is_not_waited_for_and_the_new_one_takes_its_place(away):
    began = away.clock.monotonic()
    job = elsewhere_without_a(away)
    assert away.clock.monotonic() - began < 60
    machine = away.machine()
    assert (machine.state, machine.source_appliance_id, machine.target_appliance_id) == (
        State.PROTECTED,
        B,
        OTHER_A,
    )
    assert (machine.target_site, machine.home_site, machine.reversed) == ("a", "a", True)
    assert "if it runs, and withdrawn" in said(job, "Shut down").sentence
    assert (
        "new disks with appliance 'other-appliance-a' (alternate location)"
        in said(job, "Prerequisites check").sentence
    )
    assert given_to(away, A) == []
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT):
        assert ended(away, away.submit(verb)).job.state == "succeeded"
    assert away.appliances.running(machine.id) == [OTHER_A]
    assert away.appliances.copies.two == []


def test_nothing_goes_to_another_appliance_that_is_drained_but_home_to_the_own_one_it_does(away):
    with away.store.transaction() as tx:
        for each in (A, OTHER_A):
            tx.appliances.drain(each, away.clock.now())
    with pytest.raises(errors.NotPossibleNow, match=f"'{OTHER_A}' is drained") as refused:
        away.submit(Verb.REPROTECT, location="alternate", target_appliance=OTHER_A)
    assert f"secondsite appliance resume {OTHER_A}" in refused.value.do
    assert away.run(Verb.REPROTECT).job.state == "succeeded"
    assert away.machine().target_appliance_id == A


@pytest.mark.parametrize(
    "later", [(), (Verb.PLANNED_FAILOVER,), (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT)]
)
def test_whatever_came_since_the_old_copy_gives_way_when_its_appliance_returns(away, later):
    elsewhere_without_a(away)
    for verb in later:
        assert ended(away, away.submit(verb)).job.state == "succeeded"
    away.appliances.given.clear()
    away.appliances.mend()
    away.rest()
    assert given_to(away, A) == [Kind.WITHDRAW]


def test_the_old_copy_gives_way_also_when_protection_has_ended_since(away):
    elsewhere_without_a(away)
    assert ended(away, away.submit(Verb.DISABLE_PROTECTION)).job.state == "succeeded"
    away.appliances.given.clear()
    away.appliances.mend()
    away.rest()
    assert given_to(away, A) == [Kind.WITHDRAW]


def test_an_appliance_that_has_the_machine_again_keeps_it_when_it_returns(away):
    elsewhere_without_a(away)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT):
        assert ended(away, away.submit(verb)).job.state == "succeeded"
    away.appliances.silent.add(Kind.WITHDRAW)
    away.appliances.away.clear()
    job_id = away.submit(Verb.REPROTECT, location="alternate", target_appliance=A)
    away.engine.run_until_idle()
    away.appliances.mend()
    assert away.settle(job_id).job.state == "succeeded"
    assert away.machine().target_appliance_id == A
    later = [job for job in away.jobs() if job.name == "finish_later"]
    assert all(job.state == "succeeded" for job in later)


def test_what_is_left_to_do_waits_while_the_machine_comes_to_that_appliance_again(away):
    """It had failed there; a person retries it just then."""
    elsewhere_without_a(away)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT):
        assert ended(away, away.submit(verb)).job.state == "succeeded"
    away.appliances.fail(Kind.WITHDRAW, times=1)
    away.appliances.away.clear()
    (left,) = [job for job in away.jobs() if job.name == "finish_later"]
    assert ended(away, left.id).job.state == "failed"
    away.appliances.silent.add(Kind.START_REPLICATION)
    job_id = away.submit(Verb.REPROTECT, location="alternate", target_appliance=A)
    away.engine.run_until_idle()
    away.appliances.given.clear()
    with away.store.transaction() as tx:
        away.engine.retry(tx.session, left.id)
    for _ in range(5):
        away.engine.run_until_idle()
        away.clock.pass_by(2)
    assert given_to(away, A) == []
    away.appliances.mend()
    assert away.settle(job_id).job.state == "succeeded"
    assert "a later job has taken" in away.tree(left.id).tasks[-1].sentence


def test_an_appliance_that_waits_for_its_old_copy_cannot_be_deleted_unseen(away):
    from secondsite.vault.steps.absent_site import finish_later

    elsewhere_without_a(away)
    with away.store.reading() as tx:
        (waiting,) = finish_later.waiting_for(tx, A)
    left = finish_later.LaterArguments.model_validate(waiting.arguments)
    assert left.payload["left"], "what came home with another appliance is no old copy"


def test_what_the_new_host_is_asked_before_anything_stops(away):
    with away.store.transaction() as tx:
        for source, network, target, other in (("a", "lan", "b", "lan-b"), ("b", "lan-b", "a", "new-lan")):
            tx.networks.put(
                NetworkMapping(
                    source_site=source, source_network=network, target_site=target, target_network=other
                )
            )
    away.appliances.obstacles = (ObstacleShape(what="There is no network 'new-lan' here.", do="Create it."),)
    assert elsewhere(away).job.state == "failed"
    asked = away.appliances.checked
    home = definition("web01")
    assert asked.definition == home
    assert (asked.name, asked.fabric_id) == ("web01", home.fabric_id)
    assert asked.needed_bytes == away.appliances.occupied_bytes
    assert (asked.replica.base, asked.replica.epoch) == (Base.EMPTY, 2)
    assert [(card.mac, card.network) for card in asked.home.cards] == [("52:54:00:00:00:01", "new-lan")]
    assert Kind.WITHDRAW not in [kind for _, kind, _ in away.appliances.given]
    assert away.state() is State.COMMITTED


def test_without_a_mapping_back_the_network_of_the_same_name_is_asked_for(away):
    away.appliances.obstacles = (ObstacleShape(what="No.", do="Do."),)
    elsewhere(away)
    assert [card.network for card in away.appliances.checked.home.cards] == ["lan"]


def test_an_old_appliance_that_is_there_withdraws_the_old_machine(away):
    away.appliances.copies.run(away.machine().id, A)  # its host came back and started it
    job = elsewhere(away)
    assert job.job.state == "succeeded"
    assert given_to(away, A) == [Kind.POWER, Kind.POWER, Kind.WITHDRAW]
    assert away.appliances.running(away.machine().id) == [B]


def test_the_appliance_that_takes_over_withdraws_what_is_with_it_before_it_makes_a_replica(away):
    """It shares the hypervisor with the old one, or had the machine before and was away since."""
    away.appliances.never_had = set()
    elsewhere(away)
    assert given_to(away, OTHER_A)[:4] == [
        Kind.CHECK_TARGET,
        Kind.POWER,
        Kind.WITHDRAW,
        Kind.PREPARE_REPLICA,
    ]


@pytest.mark.parametrize("kind", [Kind.PREPARE_REPLICA, Kind.START_REPLICATION])
def test_one_that_fails_defines_the_old_machine_again_and_any_healthy_appliance_will_do_for_the_next(
    away, kind
):
    away.appliances.fail(kind, times=1)
    job = elsewhere(away)
    assert job.job.state == "failed"
    assert given_to(away, A) == [Kind.POWER, Kind.POWER, Kind.WITHDRAW, Kind.REMOVE_REPLICA]
    (again,) = [
        each
        for each in away.appliances.removed
        if each.fabric_id == away.machine().source_fabric_id and each.restore_machine and each.still_protected
    ][-1:]
    assert again.made_by == job.job.id
    assert (away.state(), away.machine().target_appliance_id, away.machine().source_appliance_id) == (
        State.COMMITTED,
        B,
        A,
    )
    assert away.run(Verb.REPROTECT).job.state == "succeeded"
    assert away.machine().target_appliance_id == A


def test_one_that_failed_with_its_own_appliance_is_tried_again_with_another(away):
    away.appliances.fail(Kind.PREPARE_REPLICA, times=1)
    assert away.run(Verb.REPROTECT).job.state == "failed"
    assert elsewhere(away).job.state == "succeeded"
    assert away.machine().target_appliance_id == OTHER_A


def test_a_sick_appliance_keeps_no_machine_from_a_healthy_one_and_withdraws_the_old_copy_when_it_is_well(
    away,
):
    away.appliances.sick = {A}
    assert away.run(Verb.REPROTECT).job.state == "failed"
    job = elsewhere(away)
    assert job.job.state == "succeeded", job.job.error
    (left,) = [each for each in away.jobs() if each.name == "finish_later"]
    assert (left.state, left.error.code) == ("failed", "fabric-error")
    away.appliances.given.clear()
    away.appliances.sick = set()
    assert away.retry(left.id).job.state == "succeeded"
    assert given_to(away, A) == [Kind.WITHDRAW]


def test_no_appliance_of_the_site_where_it_runs_can_be_chosen(away):
    with pytest.raises(errors.NotFound) as refused:
        away.submit(Verb.REPROTECT, location="alternate", target_appliance=OTHER_B)
    assert refused.value.message == "No site but b, where web01 runs, has an appliance 'other-appliance-b'."
    assert refused.value.do.startswith(
        f"Those of other sites are: {A} (site a), {OTHER_A} (site a). To enroll another one: 'secondsite"
    )


@pytest.mark.parametrize("location", ["original", "alternate"])
def test_where_its_own_appliance_is_away_it_is_named_with_the_way_on(away, location):
    away.appliances.away.add(A)
    job = ended(away, away.submit(Verb.REPROTECT, location=location))
    assert "The appliance 'appliance-a' of site a has not been connected" in job.job.error.message
    assert "--location alternate --target-appliance NAME" in job.job.error.do
    assert away.state() is State.COMMITTED


@pytest.mark.parametrize("more", [{"target_appliance": OTHER_A}, {"seeds": {"web01": {"vda": "/x.raw"}}}])
def test_the_old_disks_have_no_use_for_another_appliance_or_a_seed(away, more):
    with pytest.raises(errors.InvalidArgument, match="old disks of web01") as refused:
        away.submit(Verb.REPROTECT, **more)
    assert "--location alternate" in refused.value.do


def test_its_own_appliance_may_be_named_with_the_original_location(away):
    assert away.run(Verb.REPROTECT, target_appliance=A).job.state == "succeeded"


def test_a_shipped_seed_is_imported_between_the_replica_and_replication_and_compared(away):
    job = elsewhere_without_a(away, seeds={"web01": {"vda": "/media/usb/web01.qcow2"}})
    assert given_to(away, OTHER_A)[-2:] == [Kind.PREPARE_REPLICA, Kind.IMPORT_SEED]
    assert away.appliances.seeded == ("vda",)
    assert [(seed.key, seed.path) for seed in away.appliances.checked.seeds] == [
        ("vda", "/media/usb/web01.qcow2")
    ]
    assert "a seed is compared" in said(job, "Prerequisites check").sentence


def test_the_name_of_a_store_does_not_go_along_to_another_appliance(away):
    with away.store.transaction() as tx:
        tx.machines.put(
            dataclasses.replace(
                away.machine(), keeping={"a": Placement(store="fast"), "b": Placement(store="b1")}
            )
        )
    assert elsewhere(away).job.state == "succeeded"
    assert away.machine().keeping == {"b": Placement(store="b1")}


def home_again(verbs):
    for verb in (Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.given.clear()


@pytest.mark.parametrize("is_there", [True, False])
def test_from_home_too_another_appliance_can_be_chosen_and_the_replica_that_was_left_is_removed(
    away, is_there
):
    home_again(away)
    if not is_there:
        away.appliances.destroy(B)
    job = ended(away, away.submit(Verb.REPROTECT, location="alternate", target_appliance=OTHER_B))
    assert job.job.state == "succeeded", job.job.error
    machine = away.machine()
    assert (machine.source_appliance_id, machine.target_appliance_id, machine.reversed) == (A, OTHER_B, False)
    away.appliances.mend()
    away.rest()
    assert given_to(away, B)[-2:] == [Kind.WITHDRAW, Kind.REMOVE_REPLICA]
    assert (away.appliances.removed[-1].restore_machine, away.appliances.removed[-1].made_by) == (False, None)


def test_a_replica_that_cannot_be_removed_does_not_undo_the_reprotect(away):
    home_again(away)
    away.appliances.fail(Kind.REMOVE_REPLICA)
    job = elsewhere(away, OTHER_B)
    assert job.job.state == "succeeded"
    assert "that was left at b stays" in said(job, "Remove the old replica").sentence


def test_a_machine_that_was_deleted_at_home_is_made_anew_with_the_same_appliance(away):
    away.appliances.missing = True
    away.appliances.copies.made.clear()
    job = away.run(Verb.REPROTECT, location="alternate")
    assert job.job.state == "succeeded"
    assert said(job, "Shut down").state == "skipped"
    assert away.machine().target_appliance_id == A


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, None),
        ({"location": "alternate", "target_appliance": A}, "web01"),
        ({"location": "alternate", "target_appliance": OTHER_A}, "web01"),
    ],
    ids=["own disks", "new disks there", "another appliance"],
)
def test_who_may_have_to_make_the_machine_anew_is_asked_whether_it_can(away, asked, name):
    """Onto its own disks nothing is made: whether its host could make it today is not asked."""
    away.run(Verb.REPROTECT, **asked)
    checked = away.appliances.checked
    assert (checked.name, checked.definition is not None) == (name, name is not None)


def takes_home(verbs, name, most):
    with verbs.store.transaction() as tx:
        found = tx.appliances.find(name)
        hello = found.hello.model_copy(update={"most_disks_home": most})
        tx.appliances.put(dataclasses.replace(found, hello=hello))


def test_more_disks_than_an_appliance_takes_home_at_once_are_refused_by_name_and_fit_once_others_are_home(
    away,
):
    takes_home(away, OTHER_A, 3)
    assert elsewhere(away).job.state == "succeeded"
    for verb, more in (
        (Verb.ENABLE_PROTECTION, {"target_appliance": B}),
        (Verb.FAILOVER, {}),
        (Verb.COMMIT, {}),
    ):
        assert away.run(verb, "db01", **more).job.state == "succeeded"
    to_other = {"location": "alternate", "target_appliance": OTHER_A}
    said_no = away.run(Verb.REPROTECT, "db01", **to_other).job.error.message
    assert "takes 3 disks home at once: 2 of other machines are on their way to it, and db01 has 2" in said_no
    takes_home(away, OTHER_A, None)  # an older one, or any number
    takes_home(away, OTHER_A, 4)
    assert away.run(Verb.REPROTECT, "db01", **to_other).job.state == "succeeded"
    assert away.run(Verb.PLANNED_FAILOVER, "web01").job.state == "succeeded"
    with away.store.reading() as tx:
        assert tx.machines.coming_home(OTHER_A, "") == 2


def test_of_machines_that_start_together_those_that_come_first_count_as_on_their_way(away):
    machine = away.machine()
    with away.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(machine, state=State.REPROTECTING, coming_appliance_id=OTHER_A))
        counted = [
            tx.machines.coming_home(there, before)
            for there, before in ((OTHER_A, "~"), (OTHER_A, ""), (A, "~"))
        ]
    assert counted == [2, 0, 0]


def test_a_plan_is_protected_back_to_the_appliance_that_took_the_place_of_the_one_that_is_gone(away):
    machine = away.machine()
    of_plan = PlanMachine(machine.id, machine.name, machine.source_site, machine.target_site)
    plan = RecoveryPlan("shop", (PlanGroup((of_plan,)),))
    job_id = away.submit_plan(Verb.REPROTECT, plan, location="alternate", target_appliance=OTHER_A)
    assert away.settle(job_id).job.state == "succeeded"
    assert away.machine().target_appliance_id == OTHER_A
