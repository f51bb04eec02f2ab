"""On to a further site: a machine that went from a to b is protected to c, goes there, and comes home or back
from there; what it left elsewhere stays off, is told, and is taken up later."""

import dataclasses

import pytest

from secondsite.domain import errors
from secondsite.domain.groups import ReplicationGroup
from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.fleet.statuses.old_copies import OldCopies
from secondsite.vault.health.findings import TWO_COPIES, Situation, findings
from secondsite.vault.steps.reversal import further_site
from secondsite.vault.store import GroupRecord, StatusRecord
from secondsite.vault.watch import left_definitions
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.setups import Base
from secondsite.wire.control.statuses import OldCopyStatus
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import findings_of, said
from tests.vault.support_third_site import TO_C, C, add_third_site, goes, moves


@pytest.fixture
def away(verbs):
    """web01 runs at b, committed; there is a third site, c."""
    add_third_site(verbs)
    goes(verbs, (Verb.ENABLE_PROTECTION, {}), (Verb.FAILOVER, {}), (Verb.COMMIT, {}))
    verbs.appliances.given.clear()
    return verbs


def succeeds_without_a_site(verbs, verb, **options):
    job_id = verbs.submit(verb, **options)
    for _ in range(300):
        if verbs.tree(job_id).job.state.ended:
            break
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    assert verbs.tree(job_id).job.state == "succeeded"


def way(machine):
    return machine.source_site, machine.target_site


def is_at(verbs, appliance):
    assert verbs.appliances.running(verbs.machine().id) == [appliance]
    assert verbs.appliances.copies.two == []


def given_to(verbs, appliance):
    return [kind for at, kind, _ in verbs.appliances.given if at == appliance]


def test_what_is_on_where_it_left_its_disks_is_told_as_a_second_copy(away):
    """It was healthy, and two ran."""
    goes(away, (Verb.REPROTECT, TO_C))
    copies, machine = OldCopies(away.store, lambda _topic: None), away.machine()

    def told(power, at=A):
        said = OldCopyStatus(machine_id=machine.id, power=power, fabric_id="x", fenced=True)
        copies.note(at, [said], away.clock.now())
        status = copies.newest(StatusRecord(machine.id))
        around = Situation(machine, status, None, None, None)
        return [each.what for each in findings(around, away.clock.now()) if each.code == TWO_COPIES]

    assert told("missing") == told("off") == told("running", at=C) == []
    (what,) = told("running")
    assert f"is on at appliance '{A}', whose site it has left" in what
    copies.note(A, [], away.clock.now())
    assert copies.newest(StatusRecord(machine.id)).left is None


def test_what_stays_at_a_and_at_b_is_watched_there(away):
    """At b it was not: an old copy was switched on there, and two ran."""
    asked, ask = [], away.appliances.ask

    def hear(appliance_id, order_id, kind, machine_id, payload, *more, **options):
        if kind in {Kind.WITHDRAW, Kind.REMOVE_MACHINE}:
            asked.append((appliance_id, payload.stays))
        return ask(appliance_id, order_id, kind, machine_id, payload, *more, **options)

    away.appliances.ask = hear
    goes(away, (Verb.REPROTECT, TO_C))
    assert {at for at, stays in asked if stays} == {A}
    asked.clear()
    moves(away)
    goes(away, (Verb.REPROTECT, {"location": "alternate", "target_appliance": A}))
    assert {at for at, stays in asked if stays} == {B}
    asked.clear()
    moves(away)
    goes(
        away, (Verb.REPROTECT, {"location": "alternate", "target_appliance": B})
    )  # what it left there is taken up again
    assert (B, False) in asked
    assert (B, True) not in asked


def test_from_b_it_is_protected_to_c_and_the_old_machine_at_a_is_withdrawn(away):
    job = away.run(Verb.REPROTECT, **TO_C)
    assert job.job.state == "succeeded", job.job.error
    machine = away.machine()
    assert (way(machine), machine.state) == (("b", "c"), State.PROTECTED)
    assert (machine.home_site, machine.reversed, machine.is_away) == ("a", False, True)
    assert given_to(away, A)[-1] is Kind.WITHDRAW
    sentence = said(job, "Prerequisites check").sentence
    assert "web01 can be protected to c (what it left at a stays there, off)" in sentence
    assert "a full copy is sent" in sentence
    assert away.appliances.setups[machine.id].target_appliance_id == C
    assert machine.left["a"].appliance_id == A
    assert machine.policy == "default", "only what is on its way home has the policy for that"


def test_each_site_knows_it_under_an_id_of_its_own_and_a_has_the_one_that_it_had(away):
    before = away.machine()
    to_c = goes(away, (Verb.REPROTECT, TO_C))
    assert len({to_c.source_fabric_id, to_c.target_fabric_id, before.source_fabric_id}) == 3
    moves(away)
    home = goes(away, (Verb.REPROTECT, {"target_appliance": A}))
    assert (home.source_fabric_id, home.target_fabric_id) == (
        to_c.target_fabric_id,
        before.source_fabric_id,
    )


def test_a_site_that_is_gone_is_not_waited_for_and_its_old_copy_gives_way_when_it_returns(away):
    away.appliances.destroy(A)
    succeeds_without_a_site(away, Verb.REPROTECT, **TO_C)
    assert given_to(away, A) == []
    away.appliances.mend()
    away.rest()
    assert given_to(away, A) == [Kind.WITHDRAW]


def test_it_goes_on_to_c_and_back_to_b_onto_the_disks_that_it_left_there(away):
    goes(away, (Verb.REPROTECT, TO_C))
    machine = moves(away)
    is_at(away, C)
    assert (way(machine), machine.state) == (("b", "c"), State.COMMITTED)
    away.appliances.given.clear()
    back = goes(away, (Verb.REPROTECT, {}))
    assert way(back) == ("c", "b")
    assert Kind.REMOVE_MACHINE in given_to(away, B), "no fence is kept for a copy that does not come home"
    assert away.appliances.checked.replica.base is Base.EXISTING
    assert list(back.left) == ["a"]
    moves(away)
    is_at(away, B)


def test_from_c_it_comes_home_to_its_own_disks_and_only_what_differs_is_sent(away):
    goes(away, (Verb.REPROTECT, TO_C))
    moves(away)
    job = away.run(Verb.REPROTECT, target_appliance=A)
    assert job.job.state == "succeeded", job.job.error
    machine = away.machine()
    assert (way(machine), machine.reversed) == (("c", "a"), True)
    assert list(machine.left) == ["b"], "what is at home is in use again"
    assert "only changes are sent" in said(job, "Prerequisites check").sentence
    assert away.appliances.checked.replica.base is Base.EXISTING
    assert away.appliances.setups[machine.id].sync == "compare"
    assert machine.policy == "default-failback"
    home = moves(away)
    is_at(away, A)
    assert home.state is State.COMMITTED
    assert given_to(away, C)[-1] is Kind.REMOVE_MACHINE, "a failback's commit removes what was left"


def test_from_home_again_it_goes_to_b_and_takes_up_what_it_left_there(away):
    goes(away, (Verb.REPROTECT, TO_C))
    moves(away)
    goes(away, (Verb.REPROTECT, {"target_appliance": A}))
    moves(away)
    away.appliances.given.clear()
    again = goes(away, (Verb.REPROTECT, {"target_appliance": B}))
    assert (way(again), again.target_appliance_id) == (("a", "b"), B)
    assert list(again.left) == ["c"]
    assert away.appliances.checked.replica.base is Base.EXISTING
    assert Kind.REMOVE_REPLICA not in given_to(away, C), "what it left there stays for a later way"


def test_to_a_site_that_has_nothing_of_it_there_is_no_way_without_a_full_copy_and_that_is_said(away):
    with pytest.raises(errors.InvalidArgument, match="old disks of web01 are with appliance") as refused:
        away.submit(Verb.REPROTECT, target_appliance=C)
    assert "--location alternate" in refused.value.do
    assert away.state() is State.COMMITTED


def test_an_appliance_of_the_site_where_it_runs_is_no_way(away):
    with pytest.raises(errors.NotFound, match="No site but b, where web01 runs") as refused:
        away.submit(Verb.REPROTECT, location="alternate", target_appliance=B)
    assert f"{C} (site c)" in refused.value.do


def test_of_two_appliances_with_one_name_that_of_the_site_it_came_from_is_meant(away):
    with away.store.transaction() as tx:
        tx.appliances.put(dataclasses.replace(tx.appliances.find(C), name=A))
    assert way(goes(away, (Verb.REPROTECT, {"target_appliance": A}))) == ("b", "a")


def test_what_it_left_is_told_until_it_is_taken_up_and_let_go_of_when_protection_ends(away):
    goes(away, (Verb.REPROTECT, TO_C))
    assert "left its disks at site a" in findings_of(away)["disks-left"].what
    moves(away)
    goes(away, (Verb.REPROTECT, {"target_appliance": A}))
    assert "left its disks at site b" in findings_of(away)["disks-left"].what
    away.appliances.given.clear()
    assert away.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    away.rest()
    assert given_to(away, B) == [Kind.REMOVE_REPLICA]
    assert not away.appliances.removed[-1].restore_machine


def test_when_protection_ends_between_b_and_c_the_old_machine_is_at_home_again_and_off(away):
    old = away.machine().source_fabric_id
    goes(away, (Verb.REPROTECT, TO_C))
    away.appliances.given.clear()
    assert away.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    away.rest()
    assert given_to(away, A) == [Kind.REMOVE_REPLICA]
    told = next(each for each in away.appliances.removed if each.fabric_id == old)
    assert (told.restore_machine, told.ended, told.still_protected) == (True, True, False)


def test_when_protection_ends_at_c_nothing_of_it_stays_at_b(away):
    goes(away, (Verb.REPROTECT, TO_C))
    machine = moves(away)
    away.appliances.given.clear()
    assert away.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    away.rest()
    changes = [kind for kind in given_to(away, B) if kind is not Kind.POWER]
    assert changes == [Kind.REMOVE_MACHINE, Kind.STOP_REPLICATION]
    assert away.appliances.running(machine.id) == [C]


def test_what_it_left_at_b_goes_when_b_returns_after_the_end_of_protection(away):
    goes(away, (Verb.REPROTECT, TO_C))
    machine = moves(away)
    away.appliances.destroy(B)
    away.appliances.given.clear()
    succeeds_without_a_site(away, Verb.DISABLE_PROTECTION)
    assert given_to(away, B) == []
    away.appliances.mend()
    away.rest()
    assert given_to(away, B) == [Kind.REMOVE_MACHINE, Kind.STOP_REPLICATION]
    assert away.appliances.running(machine.id) == [C]


def test_a_definition_that_appears_at_a_site_that_is_neither_of_the_two_must_not_start(away):
    machine = goes(away, (Verb.REPROTECT, TO_C))
    seen = OldCopyStatus(
        machine_id=machine.id, fabric_id=machine.left["a"].fabric_id, power="off", fenced=False
    )
    with away.store.reading() as tx:
        found = [kind for _, kind in left_definitions.wrong(tx, A, [seen])]
    assert found == [Kind.PAUSE_REPLICATION]


def test_what_is_left_with_an_appliance_that_is_deleted_counts_no_more(away):
    goes(away, (Verb.REPROTECT, TO_C))
    with away.store.transaction() as tx:
        further_site.give_up(tx, tx.appliances.find(A))
    assert away.machine().left == {}
    assert "disks-left" not in findings_of(away)


@pytest.mark.parametrize("kind", [Kind.PREPARE_REPLICA, Kind.START_REPLICATION])
def test_a_way_on_that_fails_leaves_it_at_b_with_all_ways_open(away, kind):
    away.appliances.fail(kind, times=1)
    assert away.run(Verb.REPROTECT, **TO_C).job.state == "failed"
    machine = away.machine()
    assert (way(machine), machine.state, machine.left) == (("a", "b"), State.COMMITTED, {})
    assert way(goes(away, (Verb.REPROTECT, {}))) == ("b", "a")


def test_a_failover_to_c_that_is_cancelled_leaves_it_at_b(away):
    goes(away, (Verb.REPROTECT, TO_C))
    goes(away, (Verb.PLANNED_FAILOVER, {}), (Verb.CANCEL_FAILOVER, {}))
    is_at(away, B)
    assert away.machine().home_site == "a"


def test_its_cards_go_by_the_mappings_from_home_to_b_and_from_there_to_c(away):
    known = (("a", "lan", "b", "lan-b"), ("b", "lan-b", "c", "lan-c"), ("a", "lan", "c", "wrong"))
    with away.store.transaction() as tx:
        for source, network, target, other in known:
            tx.networks.put(
                NetworkMapping(
                    source_site=source, source_network=network, target_site=target, target_network=other
                )
            )
    goes(away, (Verb.REPROTECT, TO_C))
    assert [card.network for card in away.appliances.checked.cards] == ["lan-c"]


def test_a_member_of_a_group_stays_between_the_groups_two_sites(away):
    with away.store.transaction() as tx:
        tx.groups.add(GroupRecord("shop", ReplicationGroup("shop", "a", "b"), away.clock.now()))
        tx.machines.put(dataclasses.replace(away.machine(), group="shop"))
    with pytest.raises(errors.NotPossibleNow, match="in group 'shop'") as refused:
        away.submit(Verb.REPROTECT, **TO_C)
    assert "secondsite group remove shop web01" in refused.value.do
