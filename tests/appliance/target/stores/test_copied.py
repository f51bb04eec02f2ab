"""A copy of a store is known as one: nothing of it is believed that was not read there, and it is never a
second store."""

import json
import shutil
import subprocess

import pytest

from rig.appliances import Pair
from rig.appliances.pair import policy
from rig.eventually import eventually
from secondsite.ground import durable
from secondsite.ground.units import DAY, MiB
from secondsite.rescue import copies
from secondsite.wire.control.orders import Kind, PointOrder

pytestmark = pytest.mark.slow
MARK = b"a block that was torn" * 200


@pytest.fixture
def pair(make_site):
    """Nothing is read in the background. Its point was read once, and found whole."""
    a, b = make_site("a").start(), make_site("b").start(scrub_bytes_per_second=0)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 1 * MiB, MARK)
    pair.protect().synchronized()
    point = PointOrder(point_id=pair.point_now())
    pair.pause()
    assert b.order(Kind.VERIFY_POINT, point, pair.machine_id).problem is None
    assert verified(pair) == [point.point_id]
    b.stop()
    return pair


def verified(pair):
    return [each.id for each in pair.status().points if each.verified_at]


def copied(store, place):
    subprocess.run(["cp", "-a", "--sparse=always", str(store), str(place)], check=True)


def in_its_place(store):
    """What a store was restored from."""
    store.rename(store.with_name("original"))
    copied(store.with_name("original"), store)


def torn(store):
    for path in (store / "replicas").rglob("*.qcow2"):
        if (at := path.read_bytes().find(MARK)) >= 0:
            with path.open("r+b") as file:
                file.seek(at)
                file.write(bytes(len(MARK)))


def test_what_is_torn_in_a_copy_comes_into_no_new_point(pair):
    store = pair.target.config.store
    in_its_place(store)
    torn(store)
    assert [f"{store} is a copy of {store} of host" in each for each in copies.told([store])] == [True]
    pair.target.start()
    assert verified(pair) == []
    assert list(copies.told([store])) == []
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    eventually(lambda: not pair.target.replica(pair.machine_id).verdicts.wants_comparison, 60)
    eventually(lambda: "resynchronizing" not in [f.code for f in pair.source_status().findings], 60)
    pair.synchronized()
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def put_back(backup, folder, *, anew):
    """File by file into the same folder: `anew` as most programs do, else into the files that are there."""
    for path in sorted(folder.rglob("*"), reverse=True):
        there = backup / path.relative_to(folder)
        if path.is_file() and (anew or not there.exists()):
            path.unlink()
    subprocess.run(["cp", "-a", "--sparse=always", f"{backup}/.", str(folder)], check=True)


def goes_on(pair):
    pair.target.start()
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.synchronized()


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("older", [True, False])
def test_a_backup_that_was_put_back_into_its_place_leads_to_no_wrong_point(pair, tmp_path, older, anew):
    """Its head lacks what its digests and its record tell of: whoever copies a running store gets such."""
    if not older and not anew:
        pytest.skip("what is written into the same files, of the same cycle, is not to be told from rot")
    folder = pair.target.replica_folder(pair.machine_id)
    copied(folder, tmp_path / "backup")
    if older:
        goes_on(pair)
        pair.source.write(pair.fabric_id, 3 * MiB, b"later")
        pair.point_now()
        pair.pause()
        pair.target.stop()
    put_back(tmp_path / "backup", folder, anew=anew)
    torn(folder.parents[1])
    goes_on(pair)
    eventually(lambda: not pair.target.replica(pair.machine_id).verdicts.wants_comparison, 60)
    pair.synchronized()
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_store_that_was_moved_is_itself(pair, tmp_path):
    store = pair.target.config.store
    store.rename(tmp_path / "moved")
    assert list(copies.told([tmp_path / "moved"])) == []
    (tmp_path / "moved").rename(store)
    pair.target.start()
    assert len(verified(pair)) == 1


def test_a_copy_is_not_another_store_of_the_same_appliance(pair, tmp_path):
    copied(pair.target.config.store, tmp_path / "copy")
    pair.target.start(stores={"far": tmp_path / "copy"})
    default, far = (each.seen() for each in pair.target.appliance.host.stores.all)
    assert default.problem is None
    assert "is a copy of store 'default'" in far.problem
    assert len(verified(pair)) == 1


def test_a_store_that_a_former_release_marked_says_where_it_lies_from_now_on(pair):
    mark = pair.target.config.store / "store.json"
    said = json.loads(mark.read_text())
    del said["place"]
    mark.write_text(json.dumps(said))
    pair.target.start()
    pair.target.stop()
    assert json.loads(mark.read_text())["place"]["root"] == str(pair.target.config.store)
    shutil.copytree(pair.target.config.store, mark.parents[1] / "copy", symlinks=True)
    assert len(list(copies.told([mark.parents[1] / "copy"]))) == 1


def test_a_copy_whose_folder_got_the_number_of_the_one_that_it_replaced_is_a_copy(pair):
    """Some file systems give it again. A former release noted nothing but the number."""
    store = pair.target.config.store
    mark = store / "store.json"
    said = json.loads(mark.read_text())
    if (generation := said["place"].pop("generation")) is None:
        pytest.skip("this file system does not tell a folder from the one that had its number before")
    mark.write_text(json.dumps(said))
    assert list(copies.told([store])) == []
    pair.target.start()
    assert len(verified(pair)) == 1
    pair.target.stop()
    said["place"]["generation"] = generation ^ 1
    mark.write_text(json.dumps(said))
    assert len(list(copies.told([store]))) == 1
    pair.target.start()
    assert verified(pair) == []


def written(pair, offset, data):
    """Written by the guest, and in the head; without a point, after which there is another head."""
    before = pair.target.replica(pair.machine_id).replica.state.processed_seq
    pair.source.write(pair.fabric_id, offset, data)
    eventually(lambda: pair.target.replica(pair.machine_id).replica.state.processed_seq > before, 30)


def with_a_newer_head(pair, tmp_path):
    """The head; an older one is at `older`. Cycles go on often, points do not come."""
    pair.target.start()
    often = policy(cycle_seconds=0.3, crash_consistent_every_seconds=DAY, app_consistent_every_seconds=0)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(policy=often), pair.machine_id)
    pair.synchronized()
    written(pair, 2 * MiB, b"before")
    (head,) = pair.target.replica_folder(pair.machine_id).rglob("*.head.qcow2")
    shutil.copy(head, tmp_path / "older")
    written(pair, 3 * MiB, b"later")
    assert head.exists()
    return head


def exchange(head, older):
    head.unlink()
    shutil.copy(older, head)


def becomes_whole(pair):
    hosted = pair.target.replica(pair.machine_id)
    eventually(lambda: hosted.replica.state.whole and not hosted.verdicts.wants_comparison, 60)
    eventually(lambda: "resynchronizing" not in [f.code for f in pair.source_status().findings], 60)
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def test_an_older_head_that_was_put_back_alone_leads_to_no_wrong_point(pair, tmp_path):
    """Its digests are those of the head that it replaced."""
    head = with_a_newer_head(pair, tmp_path)
    pair.target.stop()
    exchange(head, tmp_path / "older")
    pair.target.start()
    pair.source.write(pair.fabric_id, 5 * MiB, b"latest")
    becomes_whole(pair)


def test_a_head_that_is_exchanged_while_its_appliance_runs_leads_to_no_wrong_point(pair, tmp_path):
    exchange(with_a_newer_head(pair, tmp_path), tmp_path / "older")
    hosted = pair.target.replica(pair.machine_id)
    pair.source.write(pair.fabric_id, 5 * MiB, b"latest")
    eventually(lambda: hosted.verdicts.wants_comparison or not hosted.replica.state.whole, 60)
    becomes_whole(pair)


def test_a_further_store_that_is_a_copy_to_look_at_keeps_no_appliance_from_starting(
    make_site, tmp_path, monkeypatch
):
    """A snapshot that was mounted read-only: the machines of all other stores stood still."""
    far = tmp_path / "far"
    a, b = make_site("a").start(), make_site("b", stores={"far": far}).start()
    Pair(a, b, a.make_machine()).protect().synchronized()
    b.stop()
    copy = shutil.copytree(far, tmp_path / "copy", symlinks=True)
    write = durable.write

    def read_only(path, *rest, **more):
        if path.is_relative_to(copy):
            raise OSError(30, "Read-only file system", str(path))
        return write(path, *rest, **more)

    monkeypatch.setattr(durable, "write", read_only)
    b.start(stores={"far": copy})
    problems = {each.name: each.problem for each in b.appliance.host.spaces()}
    assert problems["default"] is None
    assert "Read-only file system" in problems["far"]
