"""On which host of its second site a machine is placed: what lies there counts, also what is on its way."""

import dataclasses
from collections import Counter

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.ground.units import GiB, MiB
from secondsite.vault.store import InventoryRecord
from secondsite.wire import rest
from secondsite.wire.common.hosts import HostCapacity
from secondsite.wire.common.machines import DiscoveredMachine
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.orders import Inventory
from tests.vault.support_appliances import B, definition
from tests.vault.support_operations import OTHER_B, Verbs, add_host, folder_in_memory

NAMES = tuple(f"m{number:02d}" for number in range(12))


@pytest.fixture
def verbs():
    """Twelve machines at a; two hosts at b, each with memory for eight."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        add_host(verbs, B, OTHER_B, 5)
        for each in (B, OTHER_B):
            has(verbs, each, GiB)
        known(verbs)
        yield verbs
        verbs.close()


def has(verbs, appliance, free, networks=("lan",)):
    with verbs.store.transaction() as tx:
        capacity = HostCapacity(vcpus=2, memory_bytes=GiB, free_bytes=free, networks=networks)
        found = tx.appliances.find(appliance)
        tx.appliances.put(dataclasses.replace(found, capacity=capacity, store_free_bytes=5 * GiB))


def known(verbs):
    """As the request's own look at the site leaves it."""
    machines = tuple(
        DiscoveredMachine(
            fabric_id=each.fabric_id, name=each.name, power="running", tag=None, definition=each
        )
        for each in map(definition, NAMES)
    )
    with verbs.store.transaction() as tx:
        tx.inventories.put(InventoryRecord("a", verbs.clock.now(), Inventory(machines=machines, networks=())))


def places(verbs, *names):
    return Counter(verbs.machine(each).target_appliance_id for each in names or NAMES)


def test_machines_of_one_request_are_spread_evenly(verbs):
    assert verbs.run(Verb.ENABLE_PROTECTION, *NAMES).job.state == "succeeded"
    assert places(verbs) == {B: 6, OTHER_B: 6}
    assert "of memory left there" in str(verbs.tree(verbs.jobs(Verb.ENABLE_PROTECTION)[0].id))


def test_jobs_for_machines_that_were_given_by_id_tell_their_names(verbs):
    first, second, third = (definition(each).fabric_id for each in NAMES[:3])
    assert first not in NAMES
    verbs.run(Verb.ENABLE_PROTECTION, first, second)
    verbs.run(Verb.ENABLE_PROTECTION, third)
    names = {each.subject_name for each in verbs.jobs(Verb.ENABLE_PROTECTION)}
    assert names == {*NAMES[:3], ", ".join(NAMES[:2])}


def test_machines_of_several_requests_are_spread_evenly_before_any_has_a_record(verbs):
    jobs = [verbs.submit(Verb.ENABLE_PROTECTION, each) for each in NAMES[:4]]
    jobs.append(verbs.submit(Verb.ENABLE_PROTECTION, *NAMES[4:]))
    for each in jobs:
        assert verbs.settle(each).job.state == "succeeded"
    assert places(verbs) == {B: 6, OTHER_B: 6}


def test_a_machine_that_was_not_seen_before_is_placed_by_its_check(verbs):
    with verbs.store.transaction() as tx:
        tx.inventories.put(InventoryRecord("a", verbs.clock.now(), Inventory(machines=(), networks=())))
    for each in NAMES[:4]:
        verbs.protect(each)
    assert places(verbs, *NAMES[:4]) == {B: 2, OTHER_B: 2}


def test_more_than_the_hosts_have_memory_for_is_refused_and_each_host_is_told(verbs):
    has(verbs, B, 4 * 128 * MiB)
    with pytest.raises(errors.NotPossibleNow) as refused:
        has(verbs, OTHER_B, 7 * 128 * MiB)
        verbs.submit(Verb.ENABLE_PROTECTION, *NAMES)
    assert f"{B}: 0 B of 1.1 GB of memory are left" in refused.value.message
    assert f"{OTHER_B}: 0 B of 1.1 GB" in refused.value.message
    assert verbs.jobs() == []
    assert verbs.run(Verb.ENABLE_PROTECTION, *NAMES, target_appliance=B).job.state == "succeeded"
    assert places(verbs) == {B: 12}


def test_what_runs_there_already_is_not_counted_twice(verbs):
    verbs.run(Verb.ENABLE_PROTECTION, *NAMES[:8], target_appliance=B)
    has(verbs, OTHER_B, 0)
    with pytest.raises(errors.NotPossibleNow):
        verbs.submit(Verb.ENABLE_PROTECTION, NAMES[8])
    assert verbs.run(Verb.FAILOVER, NAMES[0]).job.state == "succeeded"
    has(verbs, B, 7 * 128 * MiB)
    with pytest.raises(errors.NotPossibleNow):
        verbs.submit(Verb.ENABLE_PROTECTION, NAMES[8])
    has(verbs, B, 8 * 128 * MiB)
    assert verbs.run(Verb.ENABLE_PROTECTION, NAMES[8]).job.state == "succeeded"


def test_machines_that_are_kept_apart_are_never_on_one_host(verbs):
    assert verbs.run(Verb.ENABLE_PROTECTION, *NAMES[:2], apart="db").job.state == "succeeded"
    assert places(verbs, *NAMES[:2]) == {B: 1, OTHER_B: 1}
    with verbs.store.reading() as tx:
        assert tx.properties.find(verbs.machine(NAMES[0]).id) == TargetProperties(apart="db")
    for named in (None, B):
        with pytest.raises(errors.NotPossibleNow, match="from which it is kept apart") as refused:
            verbs.submit(Verb.ENABLE_PROTECTION, NAMES[2], apart="db", target_appliance=named)
        assert "Without '--apart' it goes to" in refused.value.do
    with pytest.raises(errors.NotPossibleNow, match="from which it is kept apart"):
        verbs.submit(Verb.ENABLE_PROTECTION, *NAMES[2:4], apart="web", target_appliance=B)
    assert verbs.run(Verb.ENABLE_PROTECTION, NAMES[2], apart="web").job.state == "succeeded"


def test_machines_that_are_kept_together_come_to_one_host_also_one_after_the_other(verbs):
    for name in NAMES[:3]:
        assert verbs.run(Verb.ENABLE_PROTECTION, name, together="shop").job.state == "succeeded"
    assert sorted(places(verbs, *NAMES[:3]).values()) == [3]
    assert verbs.run(Verb.ENABLE_PROTECTION, NAMES[3]).job.state == "succeeded"
    assert sorted(places(verbs, *NAMES[:4]).values()) == [1, 3]
    with verbs.store.reading() as tx:
        assert tx.properties.find(verbs.machine(NAMES[0]).id) == TargetProperties(together="shop")


def test_two_that_are_kept_apart_and_were_not_seen_before_do_not_come_to_one_host(verbs):
    """Their checks choose, and do not know of each other."""
    with verbs.store.transaction() as tx:
        tx.inventories.put(InventoryRecord("a", verbs.clock.now(), Inventory(machines=(), networks=())))
    has(verbs, OTHER_B, 0)
    jobs = [verbs.submit(Verb.ENABLE_PROTECTION, each, apart="db") for each in NAMES[:2]]
    states = [verbs.settle(each).job.state for each in jobs]
    assert sorted(states) == ["failed", "succeeded"]
    [one] = [verbs.machine(each) for each in NAMES[:2] if verbs.machine(each) is not None]
    assert one.target_appliance_id == B


def test_they_are_still_apart_once_one_of_them_runs_there_and_is_protected_back(verbs):
    verbs.run(Verb.ENABLE_PROTECTION, NAMES[0], apart="db", target_appliance=B)
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb, NAMES[0]).job.state == "succeeded"
    assert verbs.run(Verb.ENABLE_PROTECTION, NAMES[1], apart="db").job.state == "succeeded"
    assert places(verbs, NAMES[1]) == {OTHER_B: 1}


def drain(verbs, appliance, since):
    with verbs.store.transaction() as tx:
        tx.appliances.drain(appliance, since)


def test_nothing_new_is_placed_at_a_drained_host_and_what_is_there_fails_over(verbs):
    verbs.run(Verb.ENABLE_PROTECTION, NAMES[0], target_appliance=B)
    drain(verbs, B, verbs.clock.now())
    assert verbs.run(Verb.ENABLE_PROTECTION, *NAMES[1:5]).job.state == "succeeded"
    assert places(verbs, *NAMES[1:5]) == {OTHER_B: 4}
    with pytest.raises(errors.NotPossibleNow, match=f"'{B}' does not take {NAMES[5]}: it is drained"):
        verbs.submit(Verb.ENABLE_PROTECTION, NAMES[5], target_appliance=B)
    assert verbs.run(Verb.TEST_FAILOVER, NAMES[0]).job.state == "succeeded"
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER, NAMES[0]).job.state == "succeeded"
    assert verbs.run(Verb.FAILOVER, NAMES[0]).job.state == "succeeded"
    drain(verbs, B, None)
    assert verbs.run(Verb.ENABLE_PROTECTION, NAMES[5], target_appliance=B).job.state == "succeeded"


@pytest.mark.parametrize("gone", ["away", "drained"])
def test_a_host_that_goes_between_request_and_check_is_not_waited_for(verbs, gone):
    job = verbs.submit(Verb.ENABLE_PROTECTION, NAMES[0])
    with verbs.store.reading() as tx:
        [request] = tx.session.connection().exec_driver_sql("SELECT arguments FROM jobs").scalars().all()
    at = B if f'"{B}"' in request else OTHER_B
    if gone == "away":
        verbs.appliances.away.add(at)
    else:
        drain(verbs, at, verbs.clock.now())
    assert verbs.settle(job).job.state == "succeeded"
    assert places(verbs, NAMES[0]) == {({B, OTHER_B} - {at}).pop(): 1}


def test_a_host_that_has_the_mapped_network_goes_before_an_emptier_one(verbs):
    has(verbs, B, GiB // 2, networks=("dmz",))
    between = {"source_site": "a", "target_site": "b"}
    with verbs.store.transaction() as tx:
        tx.networks.put(rest.NetworkMapping(source_network="lan", target_network="dmz", **between))
    verbs.protect(NAMES[0])
    assert places(verbs, NAMES[0]) == {B: 1}
