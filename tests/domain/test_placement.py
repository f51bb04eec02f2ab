"""On which host a machine is placed: on one that has the memory for it, never beside one that it is kept
apart from, and evenly."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors, placement
from secondsite.domain.placement import PlacedMachine, PlacementHost
from secondsite.ground.units import GiB, TiB

pytestmark = pytest.mark.always


def host(name, left=32 * GiB, memory=32 * GiB, **more):
    more.setdefault("store_free_bytes", TiB)
    return PlacementHost(name, name, memory_bytes=memory, left_bytes=left, **more)


def machine(name="web01", memory=GiB, **more):
    return PlacedMachine(name, memory, **more)


def refused(one, *hosts):
    with pytest.raises(errors.NotPossibleNow) as problem:
        placement.choose(one, hosts)
    return problem.value


def places(wanted, there):
    """Where they are placed; None if no host takes one of them."""
    try:
        return placement.choose_all(wanted, there)
    except errors.NotPossibleNow:
        return None


def _ids(chosen):
    return None if chosen is None else [each.id for each in chosen]


machines = st.builds(
    PlacedMachine,
    name=st.text("abc", min_size=1, max_size=4),
    memory_bytes=st.integers(0, 8 * GiB),
    disk_bytes=st.integers(0, TiB),
    accelerated=st.booleans(),
    networks=st.frozensets(st.sampled_from(["lan", "dmz"])),
    apart=st.sampled_from([None, None, "db", "web"]),
    together=st.sampled_from([None, None, "shop"]),
)
hosts = st.lists(
    st.builds(
        host,
        name=st.sampled_from("pqrs"),
        left=st.one_of(st.none(), st.integers(-GiB, 32 * GiB)),
        store_free_bytes=st.integers(0, TiB),
        connected=st.booleans(),
        drained=st.booleans(),
        has_store=st.booleans(),
        accelerated=st.booleans(),
        networks=st.one_of(st.none(), st.frozensets(st.sampled_from(["lan", "dmz"]))),
    ),
    min_size=1,
    unique_by=lambda each: each.id,
)


@given(st.lists(machines, max_size=12), hosts)
def test_no_host_gets_more_than_it_has_nor_two_that_are_kept_apart(wanted, there):
    chosen = places(wanted, there)
    before = {each.id: each for each in there}
    placed: Counter[str] = Counter()
    words: Counter[tuple[str, str | None]] = Counter()
    for one, at in zip(wanted, chosen or (), strict=bool(chosen)):
        assert not before[at.id].drained
        assert before[at.id].connected
        assert before[at.id].has_store
        placed[at.id] += one.memory_bytes
        words[at.id, one.apart] += one.apart is not None
    assert all(count <= 1 for count in words.values())
    for name, memory in placed.items():
        left = before[name].left_bytes
        assert left is None or memory <= left


@given(st.lists(machines, max_size=8), hosts)
def test_the_same_machines_and_hosts_give_the_same_places_in_whichever_order_the_hosts_come(wanted, there):
    assert _ids(places(wanted, there)) == _ids(places(wanted, there[::-1]))


@given(st.integers(1, 60), st.integers(1, 5))
def test_equal_machines_are_spread_evenly_over_equal_hosts(count, many):
    there = [host(f"h{number}", 64 * GiB, 64 * GiB) for number in range(many)]
    chosen = placement.choose_all([machine(f"m{number}") for number in range(count)], there)
    on = Counter(each.id for each in chosen)
    assert max(on.values()) - min(on[each.id] for each in there) <= 1


def test_a_host_with_twice_the_memory_gets_twice_the_machines():
    there = [host("small", 16 * GiB, 16 * GiB), host("large", 32 * GiB, 32 * GiB)]
    chosen = placement.choose_all([machine(f"m{number}") for number in range(24)], there)
    assert Counter(each.id for each in chosen) == {"large": 16, "small": 8}


def test_what_the_host_has_besides_goes_before_how_far_it_is_filled():
    wanted = machine(accelerated=True, networks=frozenset({"lan"}), disk_bytes=GiB)
    full = host("full", 2 * GiB, accelerated=True, networks=frozenset({"lan", "dmz"}))
    assert placement.choose(wanted, [full, host("plain", networks=frozenset())]) is full
    empty = replace(full, id="empty", left_bytes=32 * GiB)
    assert placement.choose(wanted, [empty, full]) is empty
    lacking = [replace(empty, accelerated=False), replace(empty, networks=frozenset())]
    for one in (*lacking, replace(empty, store_free_bytes=1)):
        assert placement.choose(wanted, [one, full]) is full


def test_what_it_lacks_is_said_where_no_other_has_it():
    wanted = machine(accelerated=True, networks=frozenset({"lan"}))
    only = host("b", 3 * GiB, networks=frozenset())
    chosen = placement.choose(wanted, [only, host("small", 0)])
    said = placement.told(wanted, chosen.holding(wanted))
    assert said == "placed at 'b', without network lan and KVM, with 2.1 GB of 34.4 GB of memory left there"


def test_an_error_tells_of_each_host_what_is_short():
    told = refused(
        machine(memory=4 * GiB, apart="db"),
        host("b1", GiB),
        host("b2", drained=True),
        host("b3", connected=False),
        host("b4", has_store=False),
        host("b5", apart={"db": "db02"}),
    )
    assert told.message == (
        "No host takes web01 (4.3 GB of memory). b1: 1.1 GB of 34.4 GB of memory are left once all runs "
        "that is placed there; b2: it is drained; b3: it has no connection to the vault; b4: it does not "
        "have that store; b5: db02 is there, from which it is kept apart ('db')."
    )
    assert told.do == "Of 5 hosts none is left for 'db'. Without '--apart' it goes to 'b5'."


def test_more_machines_that_are_kept_apart_than_hosts_are_refused():
    three = [machine(f"db0{number}", apart="db") for number in (1, 2, 3)]
    with pytest.raises(errors.NotPossibleNow, match="No host takes db03"):
        placement.choose_all(three, [host("b1"), host("b2")])
    assert len({each.id for each in placement.choose_all(three[:2], [host("b1"), host("b2")])}) == 2


def test_machines_that_are_kept_together_come_to_one_host_until_it_takes_no_more():
    three = [machine(f"app{number}", memory=4 * GiB, together="shop") for number in (1, 2, 3)]
    others = [machine(f"web{number}", memory=4 * GiB) for number in (1, 2)]
    chosen = placement.choose_all([*three, *others], [host("b1", 32 * GiB), host("b2", 32 * GiB)])
    assert [each.id for each in chosen[:3]] == ["b1"] * 3
    assert {each.id for each in chosen[3:]} == {"b2"}
    assert "beside 2 of 'shop'" in placement.told(three[2], chosen[2])
    small = placement.choose_all(three, [host("b1", 8 * GiB), host("b2", 32 * GiB)])
    assert [each.id for each in small] == ["b2"] * 3
    full = placement.choose_all(three, [host("b1", 8 * GiB), host("b2", 8 * GiB)])
    assert [each.id for each in full] == ["b1", "b1", "b2"]


def test_who_is_kept_apart_and_together_is_apart():
    two = [machine(f"db{number}", apart="db", together="shop") for number in (1, 2)]
    assert [each.id for each in placement.choose_all(two, [host("b1"), host("b2")])] == ["b1", "b2"]


def test_a_host_without_alternative_is_judged_only_by_what_a_person_said():
    small = host("b1", 0, connected=False, has_store=False)
    assert placement.choose(machine(), [small.not_judged()]).id == "b1"
    drained = refused(machine(), replace(small, drained=True).not_judged())
    assert drained.message == "Appliance 'b1' does not take web01: it is drained."
    assert "secondsite appliance resume" in drained.do


def test_hosts_that_do_not_say_what_they_have_come_last_and_then_go_by_their_space():
    silent = [host(name, None, None, store_free_bytes=free) for name, free in (("p", GiB), ("q", 2 * GiB))]
    assert placement.choose(machine(), silent).id == "q"
    assert placement.choose(machine(), [*silent, host("known", GiB)]).id == "known"
