"""Appliances and vaults whose database is from an old backup: what one has forgotten the other's orders
mend."""

import re
import subprocess
import uuid
from datetime import datetime

import pytest

from rig.appliances import Pair, runs
from rig.appliances.runs import fail_over
from rig.errors import OrderFailed
from rig.eventually import eventually
from secondsite import rescue
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.rescue import leasing
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.checks import CheckTarget, CopyInstant
from secondsite.wire.control.orders import (
    AcceptCycles,
    CommitPoint,
    CreateNetwork,
    Kind,
    RemoveReplica,
    Restart,
    StopReplication,
    Withdraw,
)
from tests.support.instants import find, start, write

pytestmark = pytest.mark.slow

TWO_COPIES = "source-running-after-failover"


def tag_of(pair):
    return pair.source.fabric.inventory.get(pair.fabric_id).tag


def forget_the_source(pair):
    """As a database of the source's appliance does that is older than the protection."""
    replication = pair.source.appliance.replication
    replication.remove(replication.get(pair.machine_id))


def restart(site):
    site.stop()
    site.start()


def test_a_machine_that_its_appliance_forgot_is_its_owners_again_when_protection_ends(pair):
    pair.protect().synchronized()
    pair.source.fabric.power.allow_start(pair.fabric_id, pair.machine_id, with_host=True)
    forget_the_source(pair)
    pair.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    assert tag_of(pair) is None
    assert pair.source.fabric.power.starts_with_host(pair.fabric_id)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.STOP_REPLICATION, StopReplication(forget=True, ended=True)),
        (Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True)),
    ],
)
def test_a_drill_that_the_vault_has_forgotten_ends_with_the_protection_whichever_side_the_vault_takes_it_for(
    pair, kind, payload
):
    pair.protect().synchronized()
    drill = runs.start(pair, "drill", pair.point_now())["fabric_id"]
    pair.target.do(kind, payload, pair.machine_id)
    assert pair.target.fabric.inventory.get(drill) is None
    assert pair.target.appliance.host.find(pair.machine_id) is None


def test_a_planned_failover_is_not_begun_where_a_copy_is_that_the_vault_has_forgotten(pair):
    """What it would take back is production."""
    pair.protect().synchronized()
    check = CheckTarget(name="web01", fabric_id=str(uuid.uuid4()), no_copy=True)

    def obstacles():
        return pair.target.do(Kind.CHECK_TARGET, check, pair.machine_id)["obstacles"]

    assert obstacles() == []
    check = check.model_copy(update={"fabric_id": fail_over(pair, pair.point_now())})
    [obstacle] = obstacles()
    assert obstacle["blocking"]
    assert "secondsite machine failover web01" in obstacle["do"]


def test_a_failover_is_begun_from_the_point_alone_on_which_a_copy_stands_that_the_vault_has_forgotten(pair):
    """From another it would fail, and a cancel would take that copy back: production."""
    pair.protect().synchronized()
    older, newer = pair.point_now(), pair.point_now()
    fabric_id = fail_over(pair, older)

    def obstacles(point_id):
        check = CheckTarget(
            name="web01", fabric_id=fabric_id, no_copy=True, but_on=CopyInstant(point_id=point_id)
        )
        return pair.target.do(Kind.CHECK_TARGET, check, pair.machine_id)["obstacles"]

    assert obstacles(older) == []
    [obstacle] = obstacles(newer)
    assert obstacle["blocking"]
    assert f"secondsite machine failover web01 --point {older}'" in obstacle["do"]


def test_a_copy_that_stands_on_an_instant_of_the_journal_is_taken_over_from_that_instant(pair):
    pair.protect().synchronized()
    at, _ = write(pair, 1)[0]
    instant = find(pair, at)
    pair.pause()
    runs.close(pair)
    fabric_id = start(pair, "failover", instant)["fabric_id"]
    check = CheckTarget(name="web01-failover", fabric_id=fabric_id, no_copy=True)

    def obstacles(through_seq):
        on = CopyInstant(point_id=instant.point_id, through_seq=through_seq)
        asked = check.model_copy(update={"but_on": on})
        return pair.target.do(Kind.CHECK_TARGET, asked, pair.machine_id)["obstacles"]

    assert obstacles(instant.forward.seq) == []
    [obstacle] = obstacles(None)
    (told,) = re.findall("machine failover web01 --at ([^']+)'", obstacle["do"])
    assert find(pair, datetime.fromisoformat(told)).forward == instant.forward


def test_a_protection_that_ended_is_not_begun_again_by_a_vault_that_was_restored_from_before_that(pair):
    """What was protected anew since may run at the other site."""
    pair.protect().synchronized()
    pair.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True, ended=True), pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True), pair.machine_id)
    for site, kind, setup in (
        (pair.target, Kind.PREPARE_REPLICA, pair.replica_setup()),
        (pair.source, Kind.START_REPLICATION, pair.source_setup()),
    ):
        refused = site.order(kind, setup, pair.machine_id).problem
        assert refused.code == "stale-order"
        assert "disable-protection web01" in refused.do
    assert tag_of(pair) is None
    again = Pair(pair.source, pair.target, pair.fabric_id)
    assert again.machine_id != pair.machine_id
    again.protect().synchronized()


def test_a_machine_that_its_appliance_forgot_is_fenced_when_it_is_failed_over(pair):
    pair.protect().synchronized()
    power = pair.source.fabric.power
    power.allow_start(pair.fabric_id, pair.machine_id, with_host=True)
    forget_the_source(pair)
    pair.source.do(Kind.PAUSE_REPLICATION, None, pair.machine_id)
    assert not power.starts_with_host(pair.fabric_id)
    power.stop(pair.fabric_id)
    with pytest.raises(errors.FabricError):
        power.start(pair.fabric_id)
    pair.source.do(Kind.RESTART, Restart(fabric_id=pair.fabric_id), pair.machine_id)
    assert power.starts_with_host(pair.fabric_id)


def forget_the_fence(pair):
    """As a database that is older than the failover does; the appliance starts again with it."""
    pair.source.appliance.state.remove_fact(f"fence/{pair.machine_id}")
    restart(pair.source)


def started_by_its_owner(pair):
    """With the mark taken off the definition."""
    records = Host(pair.source.root).records
    with records.lock(pair.fabric_id, "a deed of the test"):
        records.save(records.need(pair.fabric_id).having(start_forbidden=False))
    pair.source.fabric.power.start(pair.fabric_id)


def failed_over(pair):
    pair.protect().synchronized()
    pair.source.fabric.power.allow_start(pair.fabric_id, pair.machine_id, with_host=True)
    pair.source.fabric.power.stop(pair.fabric_id)
    fail_over(pair, pair.point_now())


def test_a_second_copy_is_told_of_by_an_appliance_that_forgot_the_fence(pair):
    failed_over(pair)
    forget_the_fence(pair)
    started_by_its_owner(pair)
    eventually(lambda: TWO_COPIES in {each.code for each in pair.source_status().findings}, 30)


def test_a_second_copy_is_seen_by_an_appliance_that_forgot_the_machine_too(pair):
    failed_over(pair)
    forget_the_source(pair)
    forget_the_fence(pair)
    started_by_its_owner(pair)
    old_copies = pair.source.appliance.replication.old_copies
    eventually(
        lambda: (
            ("running", pair.machine_id) in {(each.power, each.machine_id) for each in old_copies.statuses()}
        ),
        30,
    )


def test_a_second_copy_is_seen_that_was_started_while_the_appliance_forgot_it(pair):
    """Its owner took the mark off before the appliance, on a database of yesterday, could read it."""
    failed_over(pair)
    forget_the_source(pair)
    pair.source.appliance.state.remove_fact(f"fence/{pair.machine_id}")
    pair.source.stop()
    started_by_its_owner(pair)
    pair.source.start()
    old_copies = pair.source.appliance.replication.old_copies
    said = eventually(old_copies.statuses, 30)
    assert [(each.power, each.machine_id) for each in said] == [("running", pair.machine_id)]


def test_a_machine_that_comes_home_may_start_although_its_fence_was_forgotten(pair):
    failed_over(pair)
    forget_the_fence(pair)
    pair.source.do(Kind.RESTART, Restart(fabric_id=pair.fabric_id), pair.machine_id)
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING
    assert not pair.source.fabric.inventory.get(pair.fabric_id).start_forbidden


def test_a_failover_copy_is_no_old_copy_to_a_vault_that_forgot_the_failover(pair):
    pair.protect().synchronized()
    pair.source.fabric.power.stop(pair.fabric_id)
    away = fail_over(pair, pair.point_now())
    pair.target.fabric.power.stop(away)
    with pytest.raises(OrderFailed, match="a failover copy that was not committed"):
        pair.target.do(Kind.WITHDRAW, Withdraw(fabric_id=away), pair.machine_id)
    pair.target.fabric.power.start(away)


def test_a_fabric_that_is_away_when_the_appliance_starts_is_asked_for_its_marks_later(pair):
    failed_over(pair)
    away = simulated.Fault(method="inventory.list", code="fabric-error")
    simulated.dial(pair.source.root, [away])
    forget_the_fence(pair)
    assert pair.source.appliance.replication.fences.find(pair.machine_id) is None
    simulated.dial(pair.source.root, [])
    eventually(lambda: pair.source.appliance.replication.fences.find(pair.machine_id))


def test_a_machine_that_its_vault_forgot_is_protected_anew(pair):
    pair.protect().synchronized()
    anew = Pair(pair.source, pair.target, pair.fabric_id)
    anew.protect().synchronized()
    assert tag_of(anew) == anew.machine_id
    assert pair.source.appliance.replication.find(pair.machine_id) is None


def test_a_source_that_its_appliance_forgot_goes_on_with_a_resynchronization(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    forget_the_source(pair)
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(sync=SyncMode.COMPARE), pair.machine_id)
    pair.source.do(Kind.RESYNCHRONIZE, None, pair.machine_id)
    eventually(lambda: pair.status().processed_seq)
    assert point_id in [point.id for point in pair.status().points]


def test_a_replica_that_its_appliance_forgot_gets_the_disk_that_is_included(sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine(disks=2))
    b.do(Kind.PREPARE_REPLICA, pair.replica_setup(disks=("vda",)), pair.machine_id)
    b.appliance.state.remove_replica(pair.machine_id)
    restart(b)
    b.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    assert b.replica(pair.machine_id).replica.state.keys == ("vda", "vdb")


def test_a_replica_that_a_machine_was_failed_over_onto_is_closed_whatever_the_database_says(pair):
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    pair.target.replica(pair.machine_id).save(accepting=True)
    restart(pair.target)
    assert not pair.status().accepting
    refused = pair.target.order(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id).problem
    assert refused.code == "not-possible-now"


def test_a_failed_over_machine_that_its_vault_forgot_is_protected_anew_on_the_files_that_it_has(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    content = pair.target.read(fabric_id)
    Pair(pair.target, pair.source, fabric_id).protect().synchronized()
    assert pair.target.read(fabric_id) == content
    assert pair.target.appliance.host.find(pair.machine_id) is None


def test_a_drill_that_the_vault_forgot_ends_when_its_failed_over_machine_is_protected_anew(pair):
    pair.protect().synchronized()
    point_id, networks = pair.point_now(), pair.target.fabric.networks
    pair.target.do(Kind.CREATE_NETWORK, CreateNetwork(name="drill"), pair.machine_id)
    drill = runs.start(pair, "drill", point_id)["fabric_id"]
    fabric_id = runs.fail_over(pair, point_id)
    Pair(pair.target, pair.source, fabric_id).protect().synchronized()
    assert pair.target.fabric.inventory.get(drill) is None
    assert [network.name for network in networks.list() if network.tag] == []


def test_the_files_of_a_machine_that_its_appliance_forgot_stay(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    content = pair.target.read(fabric_id)
    pair.target.appliance.state.remove_fact(f"run/{pair.machine_id}/failover")
    assert pair.target.order(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id).problem is not None
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True), pair.machine_id)
    assert pair.target.read(fabric_id) == content


@pytest.mark.parametrize("role", ["target", "former source"])
def test_what_a_machine_wrote_that_was_started_without_a_vault_stays_when_its_protection_ends(pair, role):
    pair.protect().synchronized()
    hosted = pair.target.replica(pair.machine_id)
    with hosted.lock("secondsite-rescue starts it", 10):
        hosted.replica.close()
        found = rescue.read(hosted.replica.files.root)
        overlay = leasing.opened(found, found.points[-1], None)["vda"]
    subprocess.run(["qemu-io", "-c", "write -P 0x77 0 1M", overlay], check=True, capture_output=True)
    written = overlay.read_bytes()
    restart(pair.target)
    refused = pair.target.order(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id).problem
    assert "secondsite machine failover web01 --point " in refused.do
    kind, ends = {
        "target": (Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True)),
        "former source": (Kind.STOP_REPLICATION, StopReplication(forget=True, ended=True)),
    }[role]
    for _ in range(2):
        said = pair.target.order(kind, ends, pair.machine_id)
        assert said.problem is None
        assert overlay.read_bytes() == written
    assert pair.target.appliance.host.find(pair.machine_id) is None


def test_the_end_of_protection_keeps_a_committed_machine_that_its_vault_does_not_know_of(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    fabric_id = fail_over(pair, point_id)
    refused = pair.target.order(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id).problem
    assert refused.code == "not-possible-now"
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    content = pair.target.read(fabric_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    assert pair.target.read(fabric_id) == content
    assert pair.target.fabric.inventory.get(fabric_id).tag is None


def test_whoever_keeps_a_failed_over_machine_ends_what_was_replicated_from_there_since(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    back = Pair(pair.target, pair.source, fabric_id, pair.machine_id)
    pair.target.do(Kind.START_REPLICATION, back.source_setup(), pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True), pair.machine_id)
    assert pair.target.appliance.replication.find(pair.machine_id) is None
    assert pair.target.fabric.inventory.get(fabric_id).tag is None


# ---- a replica that is told of again
# ------------------------------------------------------------------------------


def forgets(site):
    site.stop()
    for path in site.config.home.glob("appliance.db*"):
        path.unlink()
    site.start()


def told_again(pair):
    return pair.target.order(Kind.PREPARE_REPLICA, pair.replica_setup(lies_here=True), pair.machine_id)


def test_all_points_that_lie_in_the_store_are_there_again(pair):
    pair.protect().synchronized()
    point = pair.point_now()
    forgets(pair.target)
    with pytest.raises(OrderFailed, match="no replica of machine"):
        pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)
    assert told_again(pair).problem is None
    assert point in [each.id for each in pair.status().points]
    pair.point_now()


def test_where_none_lies_none_is_made(pair):
    assert told_again(pair).problem.code == "not-found"
    assert not pair.target.replica_folder(pair.machine_id).exists()
