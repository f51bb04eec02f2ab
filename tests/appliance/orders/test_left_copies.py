"""What is left at a site when a machine's protection ends, or when the site returns after that."""

import pytest

from rig.appliances import Pair, runs
from rig.appliances.runs import fail_over, turned
from secondsite.appliance.shared import withdrawn_definitions
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.fabrics.simulated.host.records import MachineRecord
from secondsite.rescue import read
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import (
    CommitPoint,
    CreateNetwork,
    FabricMachine,
    Kind,
    RemoveReplica,
    ShutDown,
    StopReplication,
)
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow

ENDED = StopReplication(forget=True, ended=True)
GIVEN_UP = StopReplication(forget=True, ended=True, given_up=True)


def is_fenced_until_it_is_off(site, fabric_id, machine_id, kind, payload):
    """The copy runs on; once it is off it is its owner's."""
    refused = site.order(kind, payload, machine_id).problem
    assert "web01 runs at this site" in refused.message
    assert site.fabric.inventory.get(fabric_id).start_forbidden
    assert not site.fabric.power.starts_with_host(fabric_id)
    site.fabric.power.stop(fabric_id)
    site.do(kind, payload, machine_id)
    left = site.fabric.inventory.get(fabric_id)
    assert (left.tag, left.start_forbidden) == (None, False)
    assert not site.fabric.power.starts_with_host(fabric_id)


def test_an_old_copy_that_runs_when_its_site_returns_is_fenced_and_not_let_go_before_it_is_off(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    pair.source.fabric.power.allow_start(pair.fabric_id, pair.machine_id, with_host=True)
    runs.start(pair, "failover", point_id, name="web01")
    is_fenced_until_it_is_off(pair.source, pair.fabric_id, pair.machine_id, Kind.STOP_REPLICATION, GIVEN_UP)
    assert pair.source.appliance.replication.find(pair.machine_id) is None


def test_an_old_copy_that_was_live_migrated_when_its_site_returns_is_not_let_go(pair):
    """It runs, on another host of that site."""
    pair.protect().synchronized()
    runs.start(pair, "failover", pair.point_now(), name="web01")
    simulated.migrate_away(pair.source.root, pair.fabric_id)
    refused = pair.source.order(Kind.STOP_REPLICATION, GIVEN_UP, pair.machine_id).problem
    assert "live-migrated from here" in refused.message
    assert "virsh undefine" in refused.do
    assert pair.source.fabric.inventory.get(pair.fabric_id).start_forbidden
    Host(pair.source.root).records.delete(pair.fabric_id)
    pair.source.do(Kind.STOP_REPLICATION, GIVEN_UP, pair.machine_id)
    assert pair.source.appliance.replication.find(pair.machine_id) is None


def test_an_old_copy_that_its_owner_paused_is_not_let_go(pair, monkeypatch):
    """One word of its owner, and it goes on."""
    pair.protect().synchronized()
    runs.start(pair, "failover", pair.point_now(), name="web01")
    monkeypatch.setattr(type(pair.source.fabric.power), "state", lambda *_: PowerState.PAUSED)
    refused = pair.source.order(Kind.STOP_REPLICATION, GIVEN_UP, pair.machine_id).problem
    assert "web01 runs at this site" in refused.message


def test_a_failed_over_machine_whose_site_was_given_up_is_fenced_and_not_let_go_before_it_is_off(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    pair.target.fabric.power.allow_start(fabric_id, pair.machine_id, with_host=True)
    payload = RemoveReplica(keep_running=True, given_up=True)
    is_fenced_until_it_is_off(pair.target, fabric_id, pair.machine_id, Kind.REMOVE_REPLICA, payload)
    assert pair.target.appliance.host.find(pair.machine_id) is None


def test_the_files_at_the_site_that_was_left_go_when_protection_ends_after_a_failback(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    reverse = turned(pair, away)
    point_id = reverse.point_now()
    fail_over(reverse, point_id)
    reverse.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    pair.target.do(Kind.REMOVE_MACHINE, FabricMachine(fabric_id=away), pair.machine_id)
    assert pair.target.replica_folder(pair.machine_id).exists()
    pair.target.do(Kind.STOP_REPLICATION, ENDED, pair.machine_id)
    assert not pair.target.replica_folder(pair.machine_id).exists()
    assert pair.target.appliance.host.find(pair.machine_id) is None


@pytest.mark.parametrize("forgotten", [False, True])
def test_the_files_of_a_machine_stay_when_its_protection_back_home_ends(pair, forgotten):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    turned(pair, away)
    content = pair.target.read(away)
    if forgotten:  # as a database from an old backup has
        pair.target.appliance.state.remove_fact(f"run/{pair.machine_id}/failover")
    for _ in range(2):  # the order may be repeated
        pair.target.do(Kind.STOP_REPLICATION, ENDED, pair.machine_id)
    assert pair.target.read(away) == content
    assert pair.target.fabric.inventory.get(away).tag is None
    assert pair.target.appliance.host.find(pair.machine_id) is None
    assert read(pair.target.replica_folder(pair.machine_id)).ended_at, "a start without a vault must know"


def test_an_old_machine_that_an_undone_reprotect_left_withdrawn_is_defined_again_when_protection_ends(pair):
    pair.protect().synchronized()
    turned(pair, fail_over(pair, pair.point_now()))
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None
    payload = ENDED.model_copy(update={"restore_machine": True})
    pair.source.do(Kind.STOP_REPLICATION, payload, pair.machine_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id).tag is None
    assert not pair.source.replica_folder(pair.machine_id).exists()


def test_a_commit_ends_a_drill_that_its_vault_forgot(pair):
    """Else it would be refused for ever: no clean-up is offered for a drill that nobody knows of."""
    pair.protect().synchronized()
    point_id, networks = pair.point_now(), pair.target.fabric.networks
    pair.target.do(Kind.CREATE_NETWORK, CreateNetwork(name="drill"), pair.machine_id)
    drill = runs.start(pair, "drill", point_id)["fabric_id"]
    fabric_id = fail_over(pair, point_id)
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    assert pair.target.fabric.inventory.get(drill) is None
    assert pair.target.fabric.inventory.get(fabric_id) is not None
    assert [network.name for network in networks.list() if network.tag] == []


def test_a_machine_that_its_owner_defined_again_is_not_replaced_when_protection_ends(pair):
    """By the definition that was withdrawn here before."""
    pair.protect().synchronized()
    definition = pair.definition()
    turned(pair, fail_over(pair, pair.point_now()))
    bigger = definition.model_copy(update={"vcpus": 4})
    Host(pair.source.root).records.save(MachineRecord(definition=bigger))
    payload = RemoveReplica(restore_machine=True, keep_running=True, ended=True)
    pair.source.do(Kind.REMOVE_REPLICA, payload, pair.machine_id)
    assert pair.definition().vcpus == 4


def test_a_definition_that_was_withdrawn_is_forgotten_when_its_machine_is_committed_on_the_replicas_disks(
    pair,
):
    """It went away and home and away again; what was withdrawn the first time is not what it is."""
    a, b = pair.source, pair.target
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    reverse = turned(pair, away)
    b.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    runs.start(reverse, "failover", point_id, name="web01", fabric_id=pair.fabric_id, home=True)
    a.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    a.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id), pair.machine_id)
    b.do(Kind.REMOVE_MACHINE, FabricMachine(fabric_id=away), pair.machine_id)
    again = Pair(a, b, pair.fabric_id, pair.machine_id)
    again.epoch = 3
    b.do(
        Kind.PREPARE_REPLICA,
        again.replica_setup(base=Base.EXISTING, existing_fabric_id=away),
        pair.machine_id,
    )
    a.do(Kind.START_REPLICATION, again.source_setup(sync=SyncMode.COMPARE), pair.machine_id)
    point_id = again.synchronized().point_now()
    again.pause()
    runs.start(again, "failover", point_id, name="web01", fabric_id=away, home=True)
    b.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    assert withdrawn_definitions.recall(b.appliance.state, away) is not None
    b.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=away), pair.machine_id)
    assert b.disk_path(away).is_relative_to(b.replica_folder(pair.machine_id))
    assert withdrawn_definitions.recall(b.appliance.state, away) is None
