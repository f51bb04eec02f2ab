"""What the trash keeps stays against a source that gives ids again, a full store, and a person who forgot
what stands on it."""

import contextlib
import dataclasses
import errno
import itertools
import os
from datetime import UTC, datetime

import pytest

from rig import dying
from rig.appliances import Pair, runs
from rig.errors import OrderFailed
from secondsite.appliance.source import cycle_plan
from secondsite.appliance.target.trash import FILE, by_hand, find
from secondsite.appliance.target.trash.item import freed_bytes
from secondsite.datapath.disks import StorageDaemon
from secondsite.datapath.replica import BaseImage, Replica, ReplicaDisk
from secondsite.domain import errors
from secondsite.domain.amounts import size
from secondsite.entry import appliance_main
from secondsite.entry import trash as trash_by_hand
from secondsite.fabrics.simulated.owner import storage
from secondsite.ground import durable, seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import CommitPoint, Kind
from tests.appliance.support_deleted import hold, points, release
from tests.appliance.target.trash.support_trash import (
    DELAY,
    bytes_of,
    remove,
    restored,
    the_item,
    trash,
    written,
)  # fmt: skip

pytestmark = pytest.mark.slow


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def forged(monkeypatch):
    """The ids that the source's appliance gives its next points."""
    ids: list[str] = []
    true_header = cycle_plan.CyclePlan.header

    def header(self, seq, definition):
        found = true_header(self, seq, definition)
        if not ids or not found.point:
            return found
        return dataclasses.replace(found, point={**found.point, "point_id": ids.pop(0)})

    monkeypatch.setattr(cycle_plan.CyclePlan, "header", header)
    return ids


def commit(pair):
    (run,) = pair.target.replica(pair.machine_id).replica.state.runs
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=run.point_id), pair.machine_id)


def test_a_source_that_gives_the_ids_of_kept_points_again_takes_none_of_them_away(pair, time, forged):
    contents = written(pair)
    ids = points(pair)
    reverse = runs.turned(pair, runs.fail_over(pair, ids[-1]))
    item = the_item(pair.target)
    forth = runs.turned(reverse, runs.fail_over(reverse, reverse.point_now()))
    forth.pause()
    forged.extend(ids)
    for _ in ids:
        pair.source.write(forth.fabric_id, 0, b"forged" * 1000)
        forth.cycle_now()
    assert set(ids) <= set(points(forth))
    runs.fail_over(forth, points(forth)[-1])
    commit(forth)
    for point_id, content in contents.items():
        assert bytes_of(item, point_id) == content


def test_a_commit_that_is_repeated_after_a_crash_keeps_its_points_once(pair, time):
    contents = written(pair)
    runs.fail_over(pair, next(iter(contents)))
    with seams.armed(dying.at("appliance.trash.shared")), contextlib.suppress(dying.Killed):
        commit(pair)
    pair.target.restart()
    commit(pair)
    for point_id, content in contents.items():
        assert bytes_of(the_item(pair.target), point_id) == content


def test_a_commit_that_finds_the_store_full_leaves_nothing_behind_and_can_be_repeated(
    pair, time, monkeypatch
):
    contents = written(pair)
    runs.fail_over(pair, next(iter(contents)))
    left, link = itertools.count(4, -1), os.link
    with monkeypatch.context() as while_full:
        while_full.setattr(os, "link", lambda *paths: link(*paths) if next(left) > 0 else full())
        with pytest.raises(OrderFailed, match="store-full"):
            commit(pair)
    assert list((pair.target.config.store / "trash").iterdir()) == []
    assert set(points(pair)) >= set(contents)
    commit(pair)
    assert set(contents) <= {path.stem for path in the_item(pair.target).folder.glob("points/*.json")}


def test_a_store_that_knows_no_second_names_keeps_copies(pair, time, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    contents = written(pair)
    away = runs.fail_over(pair, next(iter(contents)))
    monkeypatch.setattr(os, "link", refused)
    runs.turned(pair, away)
    for point_id, content in contents.items():
        assert bytes_of(the_item(pair.target), point_id) == content


def test_a_removal_that_was_cut_off_long_ago_does_not_count_for_a_later_one(pair, time, monkeypatch):
    written(pair)
    with seams.armed(dying.at("appliance.trash.noted")), contextlib.suppress(dying.Killed):
        remove(pair)
    pair.target.restart()
    time.passes(2 * DELAY)
    write = durable.write

    def written_while_full(path, *rest):
        return full() if path.name == FILE else write(path, *rest)

    monkeypatch.setattr(durable, "write", written_while_full)
    remove(pair)
    monkeypatch.setattr(durable, "write", write)
    trash(pair.target).empty()
    assert the_item(pair.target).left_seconds(DELAY) == pytest.approx(DELAY, abs=60)


def test_the_folder_of_the_trash_is_there_before_its_store_is_full(pair):
    assert (pair.target.config.store / "trash").is_dir()


def test_what_a_snapshot_of_a_restored_machine_stands_on_is_not_deleted_by_hand(pair, time):
    written(pair)
    remove(pair)
    pair.target.stop()
    item = the_item(pair.target)
    made = restored(pair.target, item)
    storage.take_snapshot(pair.target.root, made.fabric_id, "vda")
    with pytest.raises(errors.NotPossibleNow, match="web01-restored stands on"):
        by_hand.let_go(pair.target.fabric, item)


def test_what_a_replica_stands_on_is_not_deleted_by_hand(pair, time):
    written(pair)
    remove(pair)
    pair.target.stop()
    item, store = the_item(pair.target), pair.target.config.store
    made = restored(pair.target, item)
    (disk,) = made.definition.disks
    base = {"vda": BaseImage(pair.target.disk_path(made.fabric_id))}
    daemon = StorageDaemon(store / "daemon")
    Replica.create(store / "replicas" / "m9", daemon, "m9", [ReplicaDisk("vda", disk.size_bytes)], 1, base)
    pair.target.fabric.hosting.withdraw(made.fabric_id, made.tag)
    with pytest.raises(errors.NotPossibleNow, match="replica of m9 stands on"):
        by_hand.let_go(pair.target.fabric, item)


def test_a_restore_that_is_refused_keeps_no_item_for_ever(pair, time):
    contents = written(pair)
    remove(pair)
    pair.target.stop()
    first, second, _ = contents
    restored(pair.target, the_item(pair.target), first)
    with pytest.raises(errors.SecondsiteError, match="web01-restored"):
        restored(pair.target, the_item(pair.target), second)
    assert the_item(pair.target).restored == (first,)


def test_the_name_of_a_machine_in_use_and_in_the_trash_lets_neither_go(pair, time, monkeypatch):
    written(pair)
    remove(pair)
    again = Pair(pair.source, pair.target, pair.fabric_id)
    (first, *_) = written(again)
    hold(again, first)
    release(again, first)
    pair.target.stop()
    config = pair.target.config
    config.save()
    at_rest = contextlib.nullcontext((config, None, pair.target.fabric))
    monkeypatch.setattr(appliance_main, "at_rest", lambda *_: at_rest)
    with pytest.raises(errors.InvalidArgument, match="'web01' is a machine in use"):
        trash_by_hand.purge(config.home, "web01")
    assert "its policy decides" in trash_by_hand.purge(config.home, again.machine_id)
    assert "for good" in trash_by_hand.purge(config.home, the_item(pair.target).name)


def test_a_point_that_was_found_damaged_is_restored_only_by_its_name_and_its_doubt_is_told(pair, time):
    ids = list(written(pair))
    hosted = pair.target.replica(pair.machine_id)
    hosted.verdicts.note(ids[-1], ("vda",), datetime.now(UTC), ids)
    hosted.refresh()
    remove(pair)
    pair.target.stop()
    item, store = the_item(pair.target), pair.target.config.store
    assert f"from point {ids[-2]}," in by_hand.restore(pair.target.fabric, item, store, None, None, None)
    said = by_hand.restore(pair.target.fabric, item, store, None, ids[-1], "web01-last")
    assert "was found damaged" in said


def test_a_machine_that_is_named_like_an_item_does_not_hide_it(pair, time):
    written(pair)
    remove(pair)
    first = the_item(pair.target)
    namesake = Pair(pair.source, pair.target, pair.fabric_id, name=first.name)
    written(namesake)
    remove(namesake)
    assert find(trash(pair.target).items(), first.name).removed.machine_name == "web01"


def test_a_trash_on_another_file_system_is_told_and_nothing_is_removed(pair, time, small):
    pair.target.stop()
    (pair.target.config.store / "trash").rmdir()
    (pair.target.config.store / "trash").symlink_to(small("elsewhere", 32 * MiB))
    pair.target.start()
    contents = written(pair)
    with pytest.raises(OrderFailed, match="on one file system"):
        remove(pair)
    assert set(points(pair)) >= set(contents)


def test_what_the_trash_costs_has_the_files_that_its_items_share(pair, time):
    contents = written(pair)
    runs.fail_over(pair, list(contents)[-1])
    commit(pair)
    hosted = pair.target.replica(pair.machine_id)
    with hosted.lock("a test", 30):
        pair.target.appliance.host.remove(hosted)
    first, second = trash(pair.target).items()
    shared = {path.stat().st_ino: path.stat().st_blocks * 512 for path in first.folder.rglob("*.qcow2")}
    kept = freed_bytes([first, second])
    assert kept >= sum(shared.values()) > first.freed_bytes() + second.freed_bytes()
    assert size(kept) in trash(pair.target).costs()
