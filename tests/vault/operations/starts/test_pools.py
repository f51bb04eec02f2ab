"""A card that is to have an address out of a pool has it from the check of its failover until it is home
again, and alone."""

import dataclasses
import itertools
from datetime import timedelta

import pytest

from rig.dying import Fuse, Killed
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.ground import seams
from secondsite.vault.fleet.signals import Signals
from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.vault.steps.sides import pool_addresses
from secondsite.vault.store import MachineSettingsRecord, PoolAddressRecord, PoolRecord
from secondsite.wire.common.cards import CardSettings, PoolSettings
from secondsite.wire.control import Status
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.plan_runs.conftest import members
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said
from tests.vault.support_restored import backed_up, restored

WEB = "52:54:00:00:00:01"
SUBNET = {"subnet": "10.2.0.0/24", "gateway": "10.2.0.1", "dns_servers": ("10.2.0.2",)}


def pool(verbs, name="b-pool", ranges=("10.2.0.100-10.2.0.101",), **of):
    wanted = {"site": "b", "network": "lan-b", **SUBNET, **of}
    with verbs.store.transaction() as tx:
        tx.pools.put(PoolRecord(name, PoolSettings(ranges=ranges, **wanted)))


def from_pool(verbs, name="web01", **settings):
    machine = verbs.machine(name)
    (nic,) = machine.definition.nics
    with verbs.store.transaction() as tx:
        card = CardSettings(mac=nic.mac.lower(), **{"from_pool": True, **settings})
        tx.settings.put(MachineSettingsRecord(machine.id, (card,)))


def held(verbs, name="b-pool"):
    """Who has which address."""
    with verbs.store.reading() as tx:
        return {each.machine_name: each.address for each in tx.pools.taken(name)}


@pytest.fixture
def protected(verbs):
    verbs.protect("web01", "db01")
    verbs.appliances.shows = True
    with verbs.store.transaction() as tx:
        for source, target in (("a", "b"), ("b", "a")):
            tx.networks.put(
                NetworkMapping(
                    source_site=source,
                    source_network="lan" if source == "a" else "lan-b",
                    target_site=target,
                    target_network="lan-b" if source == "a" else "lan",
                )
            )
    return verbs


def succeeded(verbs, verb, *names, **arguments):
    run = verbs.run(verb, *names, **arguments)
    assert run.job.state == "succeeded", run
    return run


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_the_guest_gets_an_address_with_what_goes_with_it(protected, verb):
    pool(protected)
    from_pool(protected)
    run = succeeded(protected, verb)
    (card,) = protected.appliances.proving.addresses
    assert card.address == f"{held(protected)['web01']}/24"
    assert (card.gateway, card.dns_servers) == ("10.2.0.1", ("10.2.0.2",))
    assert f"net0 gets {held(protected)['web01']} of pool b-pool" in run.tasks[0].sentence
    assert protected.appliances.checked.cards[0].address == card.address


def test_two_machines_get_different_ones_and_each_gets_its_own_again(protected):
    pool(protected)
    for name in ("web01", "db01"):
        from_pool(protected, name)
        succeeded(protected, Verb.FAILOVER, name)
    first = held(protected)
    assert sorted(first.values()) == ["10.2.0.100", "10.2.0.101"]
    succeeded(protected, Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert held(protected) == first


@pytest.mark.parametrize("missing", ["no pool", "exhausted", "another VLAN", "another site"])
def test_a_planned_failover_without_a_free_address_is_refused_before_anything_stops(protected, missing):
    if missing == "exhausted":
        pool(protected, ranges=("10.2.0.100",))
        from_pool(protected, "db01")
        succeeded(protected, Verb.FAILOVER, "db01")
    elif missing == "another VLAN":
        pool(protected, vlan=20)
    elif missing == "another site":
        pool(protected, site="a", network="lan")
    from_pool(protected)
    run = protected.run(Verb.PLANNED_FAILOVER)
    assert run.job.state == "failed"
    task = run.tasks[0]
    assert task.error.code == "prerequisite-failed"
    words = (
        "none of the 1 of pool 'b-pool' is free"
        if missing == "exhausted"
        else "network 'lan-b' of b has none"
    )
    assert words in task.error.message
    assert "secondsite pool" in task.error.message
    assert protected.machine().state == "protected"
    assert "web01" not in held(protected)


def test_a_failover_in_need_starts_without_one_and_says_so(protected):
    from_pool(protected)
    run = succeeded(protected, Verb.FAILOVER)
    assert "has none: it keeps what its guest has" in run.tasks[0].sentence
    assert "net0 gets no address out of a pool" in said(run, "Start").sentence
    assert protected.appliances.proving.addresses == ()


def test_an_address_that_is_set_for_another_card_is_not_given(protected):
    pool(protected, ranges=("10.2.0.100-10.2.0.101",))
    from_pool(protected, "db01", from_pool=False, address="10.2.0.101/24")
    from_pool(protected)
    succeeded(protected, Verb.PLANNED_FAILOVER)
    assert held(protected) == {"web01": "10.2.0.100"}


def test_a_card_with_a_tag_gets_one_of_the_pool_for_its_tag(protected):
    machine = protected.machine()
    nics = tuple(nic.model_copy(update={"vlans": (20,)}) for nic in machine.definition.nics)
    with protected.store.transaction() as tx:
        definition = machine.definition.model_copy(update={"nics": nics})
        tx.machines.put(dataclasses.replace(tx.machines.get(machine.id), definition=definition))
    pool(protected, "untagged")
    pool(protected, "tagged", vlan=20, ranges=("10.2.0.120",))
    from_pool(protected)
    run = protected.run(Verb.FAILOVER)
    assert run.job.state == "succeeded", run
    assert held(protected, "tagged") == {"web01": "10.2.0.120"}


def test_it_goes_back_when_the_failover_is_cancelled(protected):
    pool(protected)
    from_pool(protected)
    succeeded(protected, Verb.PLANNED_FAILOVER)
    address = held(protected)["web01"]
    run = succeeded(protected, Verb.CANCEL_FAILOVER)
    assert f"{address} goes back to pool b-pool" in said(run, "Start").sentence
    assert held(protected) == {}


def test_it_is_kept_on_the_way_home_and_goes_back_with_the_commit_there(protected):
    pool(protected)
    from_pool(protected)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        succeeded(protected, verb)
        assert list(held(protected)) == ["web01"]
    address = held(protected)["web01"]
    succeeded(protected, Verb.PLANNED_FAILOVER)
    assert protected.appliances.proving.addresses == ()
    assert held(protected) == {"web01": address}
    run = succeeded(protected, Verb.COMMIT)
    assert f"{address} goes back to pool b-pool" in said(run, "Remove the machine that was left").sentence
    assert held(protected) == {}


def test_a_failback_whose_site_is_given_up_keeps_it_also_when_its_protection_ends(protected):
    """It is to run where it was again, with what its guest has."""
    pool(protected, ranges=("10.2.0.100",))
    from_pool(protected)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        succeeded(protected, verb)
    protected.appliances.destroy(A)
    for verb in (Verb.COMMIT, Verb.DISABLE_PROTECTION):
        job_id = protected.submit(verb, without_site="a")
        while not protected.tree(job_id).job.state.ended:
            protected.engine.run_until_idle()
            protected.clock.pass_by(60)
        assert protected.tree(job_id).job.state == "succeeded"
        assert held(protected) == {"web01": "10.2.0.100"}, verb
    run = protected.tree(job_id)
    assert "secondsite pool release b-pool 10.2.0.100" in said(run, "Remove replica").sentence


def test_a_failback_that_is_cancelled_keeps_it(protected):
    pool(protected)
    from_pool(protected)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        succeeded(protected, verb)
    succeeded(protected, Verb.CANCEL_FAILOVER)
    assert list(held(protected)) == ["web01"]


def test_a_planned_failover_that_fails_gives_it_back(protected):
    pool(protected)
    from_pool(protected)
    protected.appliances.fail(Kind.SHUT_DOWN)
    assert protected.run(Verb.PLANNED_FAILOVER).job.state == "failed"
    assert held(protected) == {}


def test_what_a_verb_took_that_went_no_further_is_given_to_the_next_in_need(protected):
    """The check has it, and then the job is gone."""
    pool(protected, ranges=("10.2.0.100",))
    db01 = protected.machine("db01")
    taken = PoolAddressRecord(
        "b-pool",
        "10.2.0.100",
        db01.id,
        "db01",
        "52:54:00:00:00:02",
        protected.clock.now() - timedelta(days=1),
    )
    with protected.store.transaction() as tx:
        tx.pools.take(taken)
    from_pool(protected)
    succeeded(protected, Verb.PLANNED_FAILOVER)
    assert held(protected) == {"web01": "10.2.0.100"}


def test_a_machine_at_home_gives_it_back_when_its_protection_ends(protected):
    pool(protected)
    from_pool(protected)
    succeeded(protected, Verb.PLANNED_FAILOVER)
    succeeded(protected, Verb.CANCEL_FAILOVER)
    succeeded(protected, Verb.DISABLE_PROTECTION)
    assert held(protected) == {}


def test_a_machine_that_runs_on_with_it_keeps_it_when_its_protection_ends(protected):
    pool(protected)
    from_pool(protected)
    succeeded(protected, Verb.FAILOVER, shut_down_source=True)
    succeeded(protected, Verb.COMMIT)
    address = held(protected)["web01"]
    run = succeeded(protected, Verb.DISABLE_PROTECTION)
    assert f"secondsite pool release b-pool {address}" in said(run, "Remove replica").sentence
    assert held(protected) == {"web01": address}


def test_a_test_failover_wishes_the_address_of_a_failover_and_takes_none(protected):
    pool(protected, ranges=("10.2.0.100",))
    from_pool(protected)
    protected.appliances.leases = {WEB: "10.2.0.100"}
    succeeded(protected, Verb.TEST_FAILOVER, network="create", subnet="10.2.0.0/24")
    (card,) = protected.appliances.proving.addresses
    assert card.address == "10.2.0.100/24"
    assert protected.appliances.asked_network.serving.hosts[0].address == "10.2.0.100"
    assert held(protected) == {}


def test_pools_of_both_sites_serve_machines_of_both_directions(protected):
    pool(protected)
    pool(protected, "a-pool", site="a", network="lan", ranges=("10.2.0.50",))
    from_pool(protected)
    with protected.store.transaction() as tx:
        other = tx.machines.find("db01")
        nics = tuple(nic.model_copy(update={"network": "lan-b"}) for nic in other.definition.nics)
        turned = dataclasses.replace(
            other,
            home_site="b",
            source_site="b",
            target_site="a",
            definition=other.definition.model_copy(update={"nics": nics}),
        )
    from_pool(protected, "db01")
    with protected.store.reading() as tx:
        assert [each.pool and each.pool.name for each in pool_addresses.wanted(tx, turned)] == ["a-pool"]
        assert [each.pool and each.pool.name for each in pool_addresses.wanted(tx, protected.machine())] == [
            "b-pool"
        ]


def outlived(verbs, verb, nth):
    """The verb's job, by vaults of which the first dies at the n-th seam; and where."""
    fuse, job = Fuse(nth), verbs.submit(verb)
    for _ in range(50):
        try:
            with seams.armed(fuse):
                verbs.engine.run_until_idle()
        except Killed:
            verbs.close()
            verbs.open()
        if verbs.tree(job).job.state.ended:
            return verbs.tree(job), fuse.at
        verbs.clock.pass_by(5)
    raise AssertionError(verbs.tree(job))


def test_a_vault_that_dies_at_a_seam_gives_each_machine_one_address(protected):
    """At another one each time, over a failover and its cancel."""
    pool(protected)
    for name in ("db01", "web01"):
        from_pool(protected, name)
    succeeded(protected, Verb.PLANNED_FAILOVER, "db01")
    theirs = held(protected)["db01"]
    other = ({"10.2.0.100", "10.2.0.101"} - {theirs}).pop()
    for nth in itertools.count(1, 4):
        away, died = outlived(protected, Verb.PLANNED_FAILOVER, nth)
        assert away.job.state == "succeeded", (died, away)
        assert held(protected) == {"db01": theirs, "web01": other}, died
        home, died_later = outlived(protected, Verb.CANCEL_FAILOVER, nth)
        assert home.job.state == "succeeded", (died_later, home)
        assert held(protected) == {"db01": theirs}, died_later
        if died is None:
            break
    assert nth > 8


def test_the_start_names_the_address_for_a_dhcp_server_of_the_site(protected):
    pool(protected)
    from_pool(protected)
    succeeded(protected, Verb.FAILOVER)
    (card,) = protected.appliances.started[-1].addresses
    assert (card.key, card.address) == ("net0", f"{held(protected)['web01']}/24")


def test_a_plan_with_too_few_addresses_stops_no_machine_and_keeps_none(protected):
    pool(protected, ranges=("10.2.0.100",))
    for name in ("db01", "web01"):
        from_pool(protected, name)
    groups = (PlanGroup(members(protected, ("db01",))), PlanGroup(members(protected, ("web01",))))
    run = protected.run_plan(Verb.PLANNED_FAILOVER, RecoveryPlan("shop", groups))
    assert run.job.state == "failed"
    assert Kind.SHUT_DOWN not in {kind for _, kind, _ in protected.appliances.given}
    assert [protected.state(name) for name in ("db01", "web01")] == ["protected", "protected"]
    assert held(protected) == {}


def test_what_a_machine_took_after_the_backup_of_a_restored_vault_is_not_given_to_another(protected):
    pool(protected, ranges=("10.2.0.100",))
    for name in ("web01", "db01"):
        from_pool(protected, name)
    backed_up(protected)
    succeeded(protected, Verb.FAILOVER, "web01")
    restored(protected)
    protected.appliances.tell_generations()
    assert held(protected) == {}
    for _ in range(2):
        says_that_it_runs_there(protected, "web01")
    assert held(protected) == {"web01": "10.2.0.100"}
    run = succeeded(protected, Verb.FAILOVER, "db01")
    assert "none of the 1 of pool 'b-pool' is free" in run.tasks[0].sentence
    succeeded(protected, Verb.FAILOVER, "web01")
    assert held(protected) == {"web01": "10.2.0.100"}


def says_that_it_runs_there(verbs, name):
    """Its target's appliance, when it connects."""
    facts = StatusIntake(verbs.store, Signals(), verbs.clock.now)
    with verbs.store.reading() as tx:
        known = tx.statuses.get(verbs.machine(name).id).replica
    facts.connected(verbs.hello("b", B))
    facts.hear(B, Status(at=verbs.clock.now(), replicas=(known.model_copy(update={"runs": ("failover",)}),)))
    facts.write()
