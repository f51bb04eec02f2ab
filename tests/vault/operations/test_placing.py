"""Which appliance protects a machine where a site has several: the one that has it; and the target that
was named, or the connected one with the most space."""

import dataclasses
import uuid
from datetime import timedelta

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.units import GiB
from secondsite.vault.facade.nouns.policies import put_with_twin
from secondsite.wire.common.stores import Placement, StoreSpace
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B, definition
from tests.vault.support_operations import OTHER_A, OTHER_B, Verbs, add_host, folder_in_memory


@pytest.fixture
def verbs():
    """db01 is on the second host of site a; b's second host has more space."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder, ("web01", "db01"))
        verbs.appliances.hosts = {A: ("web01",), OTHER_A: ("db01",)}
        for like, name, free in ((A, OTHER_A, 1), (B, OTHER_B, 9), (B, B, 5)):
            add_host(verbs, like, name, free)
        yield verbs
        verbs.close()


def places(verbs, name):
    machine = verbs.machine(name)
    return machine.source_appliance_id, machine.target_appliance_id


def test_the_source_is_the_appliance_that_has_the_machine_and_the_target_has_the_most_space(verbs):
    verbs.protect("db01")
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)
    verbs.protect("web01")
    assert places(verbs, "web01") == (A, OTHER_B)


def test_no_site_is_asked_for_more_than_the_machine_that_is_protected(verbs):
    verbs.protect("db01")
    assert verbs.appliances.looked_for
    assert None not in verbs.appliances.looked_for


def test_a_target_that_was_named_is_taken_though_another_has_more_space(verbs):
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01", target_appliance=B)
    assert job.job.state == "succeeded"
    assert places(verbs, "db01") == (OTHER_A, B)


@pytest.mark.parametrize("verb", [Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_machine_starts_with_the_appliance_that_has_its_replica_wherever_more_space_is(verbs, verb):
    """S-033, S-099"""
    verbs.run(Verb.ENABLE_PROTECTION, "db01", target_appliance=B)
    assert verbs.run(verb, "db01").job.state == "succeeded"
    assert [at for at, kind, _ in verbs.appliances.given if kind is Kind.START_REPLICA] == [B]


def test_a_target_that_is_connected_goes_before_one_with_more_space(verbs):
    verbs.appliances.away.add(OTHER_B)
    verbs.protect("db01")
    assert places(verbs, "db01") == (OTHER_A, B)


def test_no_appliance_of_another_site_can_be_named(verbs):
    with pytest.raises(errors.NotFound) as refused:
        verbs.submit(Verb.ENABLE_PROTECTION, "db01", target_appliance=A)
    assert refused.value.do == f"Its appliances are {B}, {OTHER_B}."


def test_an_appliance_that_is_away_does_not_delay_the_machines_of_the_others(verbs):
    verbs.appliances.away.add(OTHER_A)
    began = verbs.clock.monotonic()
    job_id = verbs.submit(Verb.ENABLE_PROTECTION, "web01")
    verbs.engine.run_until_idle()
    assert verbs.clock.monotonic() == began
    verbs.settle(job_id)
    assert places(verbs, "web01") == (A, OTHER_B)


def test_a_machine_that_no_connected_appliance_has_is_waited_for_half_a_minute(verbs):
    verbs.appliances.away.add(OTHER_A)
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert job.job.error.code == "appliance-unreachable"
    assert OTHER_A in job.job.error.message
    verbs.appliances.mend()
    assert verbs.retry(job.job.id).job.state == "succeeded"
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)


@pytest.mark.parametrize("off", [A, None])
def test_a_machine_that_two_hosts_claim_is_refused_and_both_are_named(verbs, off):
    """A live migration left its definition, or one of them wants what is not its own."""
    verbs.appliances.hosts = {A: ("db01",), OTHER_A: ("db01",)}
    verbs.appliances.off = {off} if off else set()
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert job.job.error.code == "invalid-argument"
    assert f"'{OTHER_A}' (running)" in job.job.error.message
    assert f"({'off' if off else 'running'})" in job.job.error.message
    assert verbs.machine("db01") is None
    verbs.appliances.hosts = {A: (), OTHER_A: ("db01",)}
    verbs.protect("db01")
    assert places(verbs, "db01")[0] == OTHER_A


def said_of(verbs, appliance, **hello):
    with verbs.store.transaction() as tx:
        there = tx.appliances.find(appliance)
        tx.appliances.put(dataclasses.replace(there, hello=there.hello.model_copy(update=hello)))


def test_of_two_appliances_on_one_host_the_first_that_was_enrolled_protects_its_machines(verbs):
    verbs.appliances.hosts = {A: ("db01",), OTHER_A: ("db01",)}
    for each in (A, OTHER_A):
        said_of(verbs, each, host="kvm-1")
    with verbs.store.transaction() as tx:
        there = tx.appliances.find(A)
        tx.appliances.put(dataclasses.replace(there, enrolled_at=there.enrolled_at + timedelta(days=1)))
    verbs.protect("db01")
    assert places(verbs, "db01")[0] == OTHER_A


def test_a_neighbour_that_does_not_answer_holds_up_nobody_for_long_and_is_named(verbs):
    for like, name in ((A, "deaf-host-of-a"), (B, "quiet-host-of-b")):
        add_host(verbs, like, name, 1)
        verbs.appliances.deaf.add(name)
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert job.job.state == "succeeded", job.job.error
    check = job.tasks[0]
    assert check.ended_at - check.started_at < timedelta(seconds=45)
    assert "without an answer of deaf-host-of-a" in str(job)
    assert "appliance 'quiet-host-of-b' of b is not known" in str(verbs.machine("db01"))


def test_a_machine_that_may_be_at_the_one_that_does_not_answer_is_not_said_to_be_nowhere(verbs):
    verbs.appliances.deaf = {OTHER_A}
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert job.job.error.code == "deadline-exceeded"
    assert OTHER_A in job.job.error.message


@pytest.mark.parametrize("free", [2**60, 2**62])
def test_room_that_no_host_has_brings_no_replicas(verbs, free):
    with verbs.store.transaction() as tx:
        tx.appliances.put(dataclasses.replace(tx.appliances.find(B), store_free_bytes=free))
    verbs.protect("db01")
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)


def test_more_room_than_the_store_has_brings_no_replicas(verbs):
    with verbs.store.transaction() as tx:
        for each, free in ((B, 9), (OTHER_B, 1)):
            space = StoreSpace(name="big", free_bytes=free * GiB, size_bytes=2 * GiB)
            tx.appliances.put(dataclasses.replace(tx.appliances.find(each), stores=(space,)))
    assert verbs.run(Verb.ENABLE_PROTECTION, "db01", store="big").job.state == "succeeded"
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)


@pytest.mark.parametrize("odd", [A, B])
def test_an_appliance_of_an_unknown_kind_keeps_nobody_from_the_others(verbs, odd):
    said_of(verbs, odd, fabric_kind="vmware")
    verbs.protect("db01")
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)


def test_a_machine_of_an_appliance_of_an_unknown_kind_is_refused(verbs):
    said_of(verbs, OTHER_A, fabric_kind="vmware")
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert "of the kind 'vmware'" in job.job.error.message


def test_no_replica_is_made_beside_a_copy_at_another_host_of_the_site(verbs):
    """The vault was restored from before the failover to that host: the next one would run a second copy."""
    copy = definition("db01")
    copy = copy.model_copy(
        update={"fabric_id": str(uuid.uuid5(uuid.UUID(copy.fabric_id), "b")), "name": "renamed"}
    )
    verbs.appliances.inventory.append(copy)
    add_host(verbs, B, "third-host-of-b", 1)
    verbs.appliances.hosts["third-host-of-b"] = ("renamed",)
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert "renamed, which is running, at the host of appliance 'third-host-of-b'" in job.job.error.message
    assert verbs.machine("db01") is None
    verbs.appliances.hosts["third-host-of-b"] = ()
    assert verbs.retry(job.job.id).job.state == "succeeded"


def test_a_copy_that_comes_under_protection_while_the_sites_are_asked_is_refused_all_the_same(verbs):
    verbs.protect("web01")
    fabric_id = definition("db01").fabric_id
    copy = dataclasses.replace(verbs.machine("web01"), id="other", name="copy", target_fabric_id=fabric_id)
    copy = dataclasses.replace(copy, source_fabric_id=str(uuid.uuid5(uuid.UUID(fabric_id), "a")))

    def another_job_is_faster(_kind):
        with verbs.store.transaction() as tx:
            tx.machines.add(copy)

    verbs.appliances.at_order(2, another_job_is_faster)
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01")
    assert verbs.machine("copy") is not None
    assert job.job.error is not None
    assert "is a copy of copy, which is under protection already" in job.job.error.message


def test_its_own_appliances_serve_it_there_and_back(verbs):
    verbs.protect("db01")
    for verb in (
        Verb.PLANNED_FAILOVER,
        Verb.COMMIT,
        Verb.REPROTECT,
        Verb.PLANNED_FAILOVER,
        Verb.COMMIT,
        Verb.REPROTECT,
    ):
        assert verbs.run(verb, "db01").job.state == "succeeded"
    assert verbs.run(Verb.TEST_FAILOVER, "db01").job.state == "succeeded"
    assert verbs.state("db01") is State.PROTECTED
    others = {kind for at, kind, _ in verbs.appliances.given if at not in (OTHER_A, OTHER_B)}
    assert others == {Kind.PAUSE_REPLICATION}, "there a definition may be left that must not start"
    assert places(verbs, "db01") == (OTHER_A, OTHER_B)
    assert Kind.START_REPLICA in {kind for _, kind, _ in verbs.appliances.given}


def has_stores(verbs, appliance_id, **free):
    with verbs.store.transaction() as tx:
        found = tx.appliances.find(appliance_id)
        stores = tuple(StoreSpace(name=name, free_bytes=each * GiB) for name, each in free.items())
        tx.appliances.put(dataclasses.replace(found, stores=stores))


def test_a_target_that_has_the_store_goes_before_one_with_more_space(verbs):
    has_stores(verbs, OTHER_B, default=9)
    has_stores(verbs, B, default=5, fast=1)
    verbs.run(Verb.ENABLE_PROTECTION, "db01", store="fast")
    assert places(verbs, "db01") == (OTHER_A, B)


def test_what_was_asked_for_is_kept_with_the_machine_by_site(verbs):
    has_stores(verbs, B, default=5, fast=1)
    verbs.run(Verb.ENABLE_PROTECTION, "db01", store="fast")
    assert verbs.machine("db01").keeping == {"b": Placement(store="fast")}
    assert verbs.machine("db01").kept == Placement(store="fast")


def test_an_older_appliance_that_would_not_look_at_the_stores_name_is_not_asked_to_use_it(verbs):
    verbs.appliances.keeps = False
    job = verbs.run(Verb.ENABLE_PROTECTION, "db01", store="fast")
    assert "of an older release" in job.job.error.message
    assert verbs.run(Verb.ENABLE_PROTECTION, "web01").job.state == "succeeded"


def test_a_reprotect_names_the_store_at_the_site_to_which_it_goes_back(verbs):
    verbs.run(Verb.ENABLE_PROTECTION, "db01", store="fast")
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb, "db01").job.state == "succeeded"
    assert verbs.run(Verb.REPROTECT, "db01", store="home").job.state == "succeeded"
    assert verbs.machine("db01").keeping == {"a": Placement(store="home"), "b": Placement(store="fast")}
    assert verbs.machine("db01").kept == Placement(store="home")


def test_a_site_of_an_unknown_kind_is_refused_by_its_name(verbs):
    for each in (B, OTHER_B):
        said_of(verbs, each, fabric_kind="azure")
    with pytest.raises(errors.InvalidArgument, match="Site 'b' is of the kind 'azure'") as refused:
        verbs.submit(Verb.ENABLE_PROTECTION)
    assert "libvirt, agent, simulated" in refused.value.do
    assert verbs.jobs() == []


def test_a_target_that_is_no_site_is_refused_with_what_may_be_one(verbs):
    with pytest.raises(errors.NotFound, match="azure") as refused:
        verbs.submit(Verb.ENABLE_PROTECTION, target_site="azure")
    assert (
        "A target is a site of this vault, of one of these kinds: libvirt, agent, simulated; no cloud is one."
        in refused.value.do
    )


def test_what_is_protected_by_a_policy_that_encrypts_is_encrypted_unasked(verbs):
    with verbs.store.transaction() as tx:
        put_with_twin(tx, ReplicationPolicy("secret", encrypt=True))
    assert verbs.run(Verb.ENABLE_PROTECTION, policy="secret").job.state == "succeeded"
    assert verbs.appliances.checked.encrypted
    assert verbs.machine().encrypted
    assert verbs.run(Verb.ENABLE_PROTECTION, "db01").job.state == "succeeded"
    assert not verbs.machine("db01").encrypted
    with verbs.store.reading() as tx:
        assert tx.policies.find("secret-failback").encrypt
