"""A folder of a replica that was put back under another machine's name, or to before a reprotect: nothing of
it is taken for that machine's present replica."""

import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, turned
from rig.eventually import eventually
from secondsite.appliance.control.reporter import Reporter
from secondsite.appliance.orders.adoption import OrphanedReplica
from secondsite.appliance.target.trash import by_hand
from secondsite.datapath import errors as datapath_errors
from secondsite.domain import errors
from secondsite.ground.units import MiB
from secondsite.rescue import RECORD, main
from secondsite.rescue.store import Store
from secondsite.wire.control.adopting import AdoptionRecord
from secondsite.wire.control.orders import Kind, PointOrder, RemoveReplica, RunCycle, ShutDown
from secondsite.wire.control.rescue_manifest import KeepRescueManifest
from tests.appliance.target.trash.support_trash import the_item

pytestmark = pytest.mark.slow


@pytest.fixture
def pairs(sites):
    """web01 and web02 of site a, each with a point at b; their loops rest."""
    a, b = sites
    made = [Pair(a, b, a.make_machine(name), name=name) for name in ("web01", "web02")]
    for pair in made:
        a.write(pair.fabric_id, MiB, pair.name.encode() * 100)
        pair.protect().synchronized()
        pair.pause()
        pair.point_now()
    return made


@pytest.fixture
def misplaced(pairs, tmp_path):
    """The folder of web02 holds the replica of web01; its own was put aside."""
    web01, web02 = pairs
    web02.target.stop()
    own = web02.target.replica_folder(web02.machine_id)
    own.rename(tmp_path / "aside")
    copied(web01.target.replica_folder(web01.machine_id), own)
    web02.target.start()
    return web02


def copied(folder, place):
    subprocess.run(["cp", "-a", "--sparse=always", str(folder), str(place)], check=True)


def told(site):
    """What a vault hears of the replicas."""
    appliance = site.appliance
    first, *_ = Reporter(appliance.replication, appliance.host, appliance.desk.generations).next()
    return {each.machine_id: each for each in first.replicas}


def kept_record(pair):
    return AdoptionRecord(
        id=pair.machine_id, name=pair.name, home_site="a", source_site="a", target_site="b",
        source_appliance_id="appliance-a",
        target_appliance_id="appliance-b", source_fabric_id="f", target_fabric_id="g", policy="test",
        created_at=datetime.now(UTC),
    )  # fmt: skip


def rescued(site, capsys, *words):
    code = main.main(["--store", str(site.config.store), *words])
    return code, "".join(capsys.readouterr())


def test_the_points_of_another_machine_are_told_as_nobodys(pairs, misplaced):
    web01, web02 = pairs
    heard = told(misplaced.target)
    assert len(heard[web01.machine_id].points) >= 1
    assert not heard[web01.machine_id].findings
    said = heard[web02.machine_id]
    (finding,) = said.findings
    assert (said.points, said.accepting, said.synchronized) == ((), False, False)
    assert finding.code == "replica-of-another-machine"
    assert f"holds the replica of web01 ({web01.machine_id}), and not that of web02" in finding.what


def test_nothing_starts_from_it_and_its_source_is_not_told_that_cycles_came(pairs, misplaced):
    web01, web02 = pairs
    b, point = misplaced.target, web01.status().points[-1].id
    refused = b.order(Kind.VERIFY_POINT, PointOrder(point_id=point), web02.machine_id)
    assert "holds the replica of web01" in refused.problem.message
    assert "put web02's own folder back" in refused.problem.do
    before = web02.source_status().sent_at
    cycle = web02.source.order(Kind.RUN_CYCLE, RunCycle(), web02.machine_id)
    assert "holds the replica of web01" in cycle.problem.message
    assert web02.source_status().sent_at == before
    assert b.order(Kind.PREPARE_REPLICA, web02.replica_setup(), web02.machine_id).problem is not None


def test_its_own_folder_put_back_goes_on(pairs, misplaced, tmp_path):
    _web01, web02 = pairs
    b, own = misplaced.target, misplaced.target.replica_folder(misplaced.machine_id)
    b.stop()
    shutil.rmtree(own)
    (tmp_path / "aside").rename(own)
    b.start()
    web02.source.write(web02.fabric_id, 2 * MiB, b"later")
    web02.source.do(Kind.START_REPLICATION, web02.source_setup(), web02.machine_id)
    web02.synchronized()
    eventually(lambda: not b.replica(web02.machine_id).verdicts.wants_comparison, 60)
    assert web02.point_bytes(web02.point_now()) == web02.source.read(web02.fabric_id)
    assert all(not each.findings for each in told(b).values())


def test_its_protection_can_end_and_the_files_stay(pairs, misplaced):
    web01, web02 = pairs
    b, folder = misplaced.target, misplaced.target.replica_folder(misplaced.machine_id)
    report = b.order(Kind.REMOVE_REPLICA, RemoveReplica(ended=True), web02.machine_id)
    assert report.problem is None
    assert folder.exists()
    assert list(told(b)) == [web01.machine_id]


def test_without_a_vault_it_is_said_and_not_started(pairs, misplaced, capsys):
    web01, web02 = pairs
    b = misplaced.target
    code, said = rescued(b, capsys, "list")
    assert code == 1
    assert f"! {web02.machine_id} holds the replica of web01 ({web01.machine_id}), and not its own" in said
    for asked in ("web02", web02.machine_id):
        code, said = rescued(b, capsys, "start", asked, "--qemu")
        assert (code, "holds the replica of web01" in said) == (1, True), asked
    assert rescued(b, capsys, "points", "web01")[0] == 0
    store = Store([b.config.store])
    (also,) = store.also_in(store.find("web01"))
    assert web02.machine_id in also
    with pytest.raises(errors.ReplicaError, match="holds the replica of web01"):
        OrphanedReplica(b.replica_folder(web02.machine_id), "default")


def test_what_its_vault_says_of_it_is_not_written_into_that_folder(pairs, misplaced):
    web01, _web02 = pairs
    b, folder = misplaced.target, misplaced.target.replica_folder(misplaced.machine_id)
    keep = KeepRescueManifest(site="b", records=tuple(kept_record(each) for each in pairs))
    assert b.order(Kind.KEEP, keep).problem is None
    assert (b.replica_folder(web01.machine_id) / RECORD).exists()
    assert not (folder / RECORD).exists()


def test_a_manifest_of_another_replica_makes_no_point(pairs, capsys):
    web01, web02 = pairs
    b, point_id = web01.target, web02.status().points[-1].id
    ours, theirs = (
        b.replica_folder(each.machine_id) / "points" / f"{each.status().points[-1].id}.json"
        for each in (web02, web01)
    )
    b.stop()
    shutil.copy(theirs, ours)
    b.start()
    status = web02.status()
    assert point_id not in [each.id for each in status.points]
    assert "replica-damaged" in [each.code for each in status.findings]
    with pytest.raises(errors.PointDamaged, match="is that of point"):
        b.replica(web02.machine_id).record(point_id)
    assert "its manifest is that of another machine" in rescued(b, capsys, "points", web02.machine_id)[1]


def test_a_replica_that_is_exchanged_while_it_is_open_is_not_gone_on_with(pairs):
    web01, web02 = pairs
    replica = web02.target.replica(web02.machine_id).replica
    with web02.target.replica(web02.machine_id).lock("a test", 10):
        replica.close()
        shutil.copy(web01.target.replica(web01.machine_id).replica.files.record, replica.files.record)
        with pytest.raises(datapath_errors.AnotherReplica, match="and not that of"):
            replica.keep_short()


def test_what_another_machine_left_in_the_trash_is_restored_as_nobodys(pairs, tmp_path):
    web01, web02 = pairs
    b = web02.target
    copied(b.replica_folder(web01.machine_id), tmp_path / "of-web01")
    web02.forget()
    item, store = the_item(b), b.config.store
    removed = json.loads((item.folder / "removed.json").read_text())
    shutil.rmtree(item.folder)
    (tmp_path / "of-web01").rename(item.folder)
    (item.folder / "removed.json").write_text(json.dumps(removed))
    with pytest.raises(datapath_errors.AnotherReplica, match="holds the replica of web01"):
        by_hand.points(the_item(b), store)
    with pytest.raises(datapath_errors.AnotherReplica, match="holds the replica of web01"):
        by_hand.restore(b.fabric, the_item(b), store, None, None, "web02-restored")


# -- a state of an earlier epoch ----------------------------------------------------------------------


@pytest.mark.parametrize("while_away", [False, True])
def test_a_replica_that_is_put_back_to_before_a_reprotect_is_told_and_not_compared_without_end(
    pair, tmp_path, capsys, while_away
):
    again = put_back(pair, tmp_path / "before", while_away=while_away)
    b = again.target
    (said,) = told(b).values()
    assert [each.code for each in said.findings] == ["replica-of-earlier-epoch"]
    assert "is of epoch 1, and its protection of epoch 3" in said.findings[0].what
    assert (said.points, said.accepting, said.synchronized) == ((), False, False)
    cycle = again.source.order(Kind.RUN_CYCLE, RunCycle(), again.machine_id).problem
    assert "of epoch 1" in cycle.message
    assert "'secondsite machine disable-protection web01'" in cycle.do
    refused = b.order(Kind.PREPARE_REPLICA, again.replica_setup(), again.machine_id)
    assert refused.problem.message == cycle.message
    keep = KeepRescueManifest(site="b", records=(kept_record(again),))
    assert b.order(Kind.KEEP, keep).problem is None
    assert (b.replica_folder(again.machine_id) / RECORD).exists()
    assert "-1.1" in rescued(b, capsys, "points", again.machine_id)[1]


def test_the_newest_state_of_a_replica_that_was_put_back_goes_on(pair, tmp_path):
    again = put_back(pair, tmp_path / "before", aside=tmp_path / "newest")
    b, folder = again.target, again.target.replica_folder(again.machine_id)
    b.stop()
    shutil.rmtree(folder)
    (tmp_path / "newest").rename(folder)
    b.start()
    again.source.do(Kind.START_REPLICATION, again.source_setup(), again.machine_id)
    again.synchronized()
    eventually(lambda: not b.replica(again.machine_id).verdicts.wants_comparison, 60)
    assert not told(b)[again.machine_id].findings


def put_back(pair, before, *, while_away=False, aside=None):
    """The machine was at the other site and came home, and its replica's files are as they were before
    that; the pair of its present protection, whose loop rests."""
    away = away_and_back(pair, before, while_away=while_away)
    b, folder = away.target, away.target.replica_folder(away.machine_id)
    away.pause()
    b.stop()
    folder.rename(aside) if aside else shutil.rmtree(folder)
    before.rename(folder)
    b.start()
    return away


def away_and_back(pair, before, *, while_away):
    pair.protect().synchronized()
    point_id = pair.point_now()
    folder = pair.target.replica_folder(pair.machine_id)
    if not while_away:
        copied(folder, before)
    away = fail_over(pair, point_id)
    if while_away:
        copied(folder, before)
    reverse = turned(pair, away)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    return turned(reverse, fail_over(reverse, reverse.point_now(final=True)))
