"""Orders that look, check, list and remove."""

import threading

import pytest

from rig.noise import noise
from rig.processes import free_port
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import HeldDisk, HeldResources, PowerState
from secondsite.fabrics.simulated.power import SimulatedInventory
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Report
from secondsite.wire.control.checks import CheckSource, CheckTarget
from secondsite.wire.control.orders import (
    CreateNetwork,
    Discover,
    Drain,
    FabricMachine,
    Kind,
    PointOrder,
    ShutDown,
    StopReplication,
    Withdraw,
)
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow


def test_discover_lists_machines_and_networks(pair):
    simulated.add_network(pair.source.root, "lan")
    facts = pair.source.do(Kind.DISCOVER)
    assert [machine["name"] for machine in facts["machines"]] == ["web01"]
    assert [network["name"] for network in facts["networks"]] == ["lan"]


def test_discover_tells_of_one_machine_what_is_asked_of_one(pair):
    simulated.add_network(pair.source.root, "lan")
    simulated.make_machine(pair.source.root, "db01", [4 * MiB])
    for word in ("web01", pair.fabric_id):
        facts = pair.source.do(Kind.DISCOVER, Discover(machine=word))
        assert ([machine["name"] for machine in facts["machines"]], facts["networks"]) == (["web01"], [])
    assert pair.source.do(Kind.DISCOVER, Discover(machine="nobody"))["machines"] == []


def test_a_machine_that_can_be_replicated_has_no_obstacles(pair):
    payload = CheckSource(fabric_id=pair.fabric_id, peer_addresses=(f"127.0.0.1:{pair.target.port}",))
    assert pair.source.do(Kind.CHECK_SOURCE, payload)["obstacles"] == []


@pytest.mark.slow
def test_a_peer_that_was_enrolled_a_moment_ago_is_no_obstacle_and_one_that_was_deleted_is(pair):
    """The vault tells each appliance of the other, but a script protects a machine before that."""
    peers, own = pair.source.appliance.enrolled_peers, pair.source.appliance_id
    address = f"127.0.0.1:{pair.target.port}"
    source = CheckSource(fabric_id=pair.fabric_id, peer_addresses=(address,))
    for kind, asked in ((Kind.CHECK_SOURCE, source), (Kind.CHECK_TARGET, CheckTarget(way_back=(address,)))):
        peers.set((own,), {})
        told = threading.Timer(0.5, peers.set, ((own, pair.target.appliance_id), {}))
        told.start()
        assert pair.source.do(kind, asked)["obstacles"] == []
        told.join()
        peers.set((own,), {})
        (found,) = pair.source.do(kind, asked, deadline_seconds=1)["obstacles"]
        assert "does not count as its own" in found["what"]


@pytest.mark.slow
def test_every_reason_against_a_source_is_named_at_once(pair):
    payload = CheckSource(fabric_id="nobody", peer_addresses=(f"127.0.0.1:{free_port()}",))
    # a peer that does not answer is tried again for as long as the order may take
    found = pair.source.do(Kind.CHECK_SOURCE, payload, deadline_seconds=1)["obstacles"]
    assert len(found) == 2
    assert all(each["do"] for each in found)


def test_a_way_home_that_is_closed_is_warned_of_before_anybody_needs_it(pair):
    open_one, closed = f"127.0.0.1:{pair.source.port}", f"127.0.0.1:{free_port()}"
    assert pair.target.do(Kind.CHECK_TARGET, CheckTarget(way_back=(closed, open_one)))["obstacles"] == []
    (found,) = pair.target.do(Kind.CHECK_TARGET, CheckTarget(way_back=(closed,)))["obstacles"]
    assert (found["blocking"], closed in found["what"]) == (False, True)
    assert "The way home is closed" in found["what"]
    assert "reprotect" in found["do"]


def test_every_reason_against_a_target_is_named_at_once(pair):
    payload = CheckTarget(
        definition=pair.definition().model_copy(update={"firmware": "odd"}), networks=("nowhere",),
        needed_bytes=1 << 60, must_hold_replica=True,
    )  # fmt: skip
    found = pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]
    assert len(found) == 4


def test_a_source_says_what_a_full_copy_of_its_disks_takes(pair):
    before = pair.source.do(Kind.CHECK_SOURCE, CheckSource(fabric_id=pair.fabric_id))["needed_bytes"]
    pair.source.write(pair.fabric_id, 0, noise(3 * MiB))
    after = pair.source.do(Kind.CHECK_SOURCE, CheckSource(fabric_id=pair.fabric_id))["needed_bytes"]
    assert 3 * MiB <= after - before < 4 * MiB
    assert after <= sum(disk.size_bytes for disk in pair.definition().disks)
    assert pair.source.do(Kind.CHECK_SOURCE, CheckSource(fabric_id="nobody"))["needed_bytes"] == 0


def test_a_network_for_a_drill_is_made_once_and_removed(pair):
    for _ in range(2):
        assert pair.target.do(Kind.CREATE_NETWORK, CreateNetwork(name="drill"), pair.machine_id)["isolated"]
    for _ in range(2):
        pair.target.do(Kind.REMOVE_NETWORK, CreateNetwork(name="drill"), pair.machine_id)
    assert list(pair.target.fabric.networks.list()) == []


def test_ended_replication_leaves_no_checkpoint_and_no_tag(pair):
    pair.protect().synchronized()
    pair.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id).tag is None
    assert pair.source.appliance.replication.find(pair.machine_id) is None
    pair.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, None, pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, None, pair.machine_id)
    assert not (pair.target.config.store / "replicas" / pair.machine_id).exists()


@pytest.mark.slow
def test_a_machine_that_does_not_shut_down_loses_its_power(sites):
    from rig.appliances import Pair

    a, b = sites
    pair = Pair(a, b, a.make_machine(obeys_shutdown=False)).protect().synchronized()
    refused = a.order(
        Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id, grace_seconds=0.2, force=False), pair.machine_id
    )
    assert refused.problem.code == "deadline-exceeded"
    facts = a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id, grace_seconds=0.2), pair.machine_id)
    assert facts["power"] == "off"
    assert a.do(Kind.POWER, FabricMachine(fabric_id=pair.fabric_id))["power"] == "off"


def test_a_network_disk_behind_another_portal_is_no_other_disk(pair, monkeypatch):
    pair.protect()
    runs, then = (f"iscsi://{portal}:3260/iqn.2026-11.example:web01/1" for portal in ("10.0.0.1", "10.0.0.2"))
    disks = (HeldDisk("vda", runs, True, False), HeldDisk("vda", then, False, True))
    monkeypatch.setattr(SimulatedInventory, "holding", lambda *_: HeldResources(disks, frozenset()))
    leaving = FabricMachine(fabric_id=pair.fabric_id, leaves=True)
    assert pair.source.do(Kind.POWER, leaving, pair.machine_id)["obstacles"] == []


def test_a_machine_whose_next_start_would_take_another_disk_is_not_moved(pair, monkeypatch):
    """Its owner defined it with a copy of its disk while it ran: what it wrote since stayed behind."""
    pair.protect()
    runs, copied = (HeldDisk("vda", f"/a/{name}.qcow2", True, False) for name in ("now", "mirror"))
    disks = (runs, copied, HeldDisk("vda", "/a/copy.qcow2", False, True))
    monkeypatch.setattr(SimulatedInventory, "holding", lambda *_: HeldResources(disks, frozenset()))
    leaving = FabricMachine(fabric_id=pair.fabric_id, leaves=True)
    (told,) = pair.source.do(Kind.POWER, leaving, pair.machine_id)["obstacles"]
    assert "runs on /a/now.qcow2 as vda, and its next start would take /a/copy.qcow2" in told["what"]
    planned = ShutDown(fabric_id=pair.fabric_id, force=False)
    problem = pair.source.order(Kind.SHUT_DOWN, planned, pair.machine_id).problem
    assert problem is not None
    assert problem.message == told["what"]
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING


def test_a_dropped_point_is_gone_and_the_others_stay_true(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    first = pair.point_now()
    pair.source.write(pair.fabric_id, 1 * MiB, noise(64 * KiB))
    content, second = pair.source.read(pair.fabric_id), pair.point_now()
    pair.target.drop(pair.machine_id, first)
    ids = [point["id"] for point in pair.target.do(Kind.LIST_POINTS, None, pair.machine_id)["points"]]
    assert first not in ids
    assert second in ids
    assert pair.target.point_bytes(pair.machine_id, second) == content


def test_verify_finds_a_flipped_byte(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    point_id = pair.point_now()
    pair.target.do(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id)
    folder = pair.target.config.store / "replicas" / pair.machine_id
    path = folder / pair.target.replica(pair.machine_id).record(point_id).manifest.disks[0].file
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 200 * KiB)
        file.write(b"flipped")
    report = pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id)
    assert report.problem.code == "point-damaged"
    assert "replica-damaged" in [finding.code for finding in pair.status().findings]


def test_a_paused_machine_stays_paused_after_a_restart(pair):
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    pair.source.stop()
    pair.source.start()
    assert pair.source_status().running is False
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    until_processed(pair, now())


def test_giving_way_twice_is_harmless(pair):
    pair.protect().synchronized()
    for _ in range(2):
        pair.source.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None


@pytest.mark.slow
def test_a_drain_that_waits_for_a_cycle_that_never_came_says_so(pair):
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    report = pair.target.order(Kind.DRAIN, Drain(at_least_seq=999), pair.machine_id, deadline_seconds=0.5)
    assert report.problem.code == "deadline-exceeded"


def test_an_order_of_another_release_is_refused_with_what_to_do(pair):
    report = pair.target.order("drop_point", PointOrder(point_id="p"), pair.machine_id)
    assert report.problem.code == "invalid-argument"
    assert "drop_point" in report.problem.message
    assert "release" in report.problem.do


def test_an_appliance_says_that_it_takes_sixty_disks_home_at_once(pair):
    """S-322"""
    assert pair.target.appliance._hello().most_disks_home == 60  # noqa: SLF001 what it would greet a vault with


def test_two_orders_at_once_to_prepare_a_replica_make_it_once(pair):
    """The second one wrote its files over those that the first had begun to use."""
    setup, target = pair.replica_setup(), pair.target
    second: list[Report] = []
    inside, met = [], threading.Event()

    def ask():
        second.append(target.order(Kind.PREPARE_REPLICA, setup, pair.machine_id))

    other = threading.Thread(target=ask)

    def look(name):
        if name == "appliance.replica.create.files":
            inside.append(threading.current_thread())
            if len(inside) > 1:
                met.set()
            else:
                other.start()
                met.wait(1)

    with seams.armed(look):
        first = target.order(Kind.PREPARE_REPLICA, setup, pair.machine_id)
        other.join(30)
    assert not met.is_set()
    assert first.problem is None
    assert "made a replica" in first.sentence
    assert "was already there" in second[0].sentence
    hosted = target.replica(pair.machine_id)
    assert target.appliance.host.all() == [hosted]
    pair.protect().synchronized()
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)
