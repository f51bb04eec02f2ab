"""A store whose file system is not mounted: nothing is written below it, nothing is forgotten, and it
comes back."""

import os
import shutil

import pytest

from rig.appliances import Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import stores as rooms
from secondsite.domain import errors
from secondsite.ground.units import KiB
from secondsite.rescue import CONFIGURATION, RECORD, trusted
from secondsite.wire.common.stores import Placement
from secondsite.wire.control.adopting import ListAdoptable
from secondsite.wire.control.checks import CheckTarget, MemoryNeed
from secondsite.wire.control.orders import Kind
from tests.appliance.support_vault_said import said

pytestmark = pytest.mark.slow


@pytest.fixture
def far(tmp_path):
    return tmp_path / "far"


@pytest.fixture
def pair(make_site, far):
    """The store is a folder that is taken away, as one whose file system is not mounted."""
    a, b = make_site("a").start(), make_site("b", stores={"far": far}).start()
    pair = Pair(a, b, a.make_machine())
    setup = pair.replica_setup(keeping=Placement(store="far"))
    b.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
    a.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.synchronized().pause()
    return pair


def taken_away(far):
    kept = far.with_name("unmounted")
    far.rename(kept)
    far.mkdir()
    return kept


def test_nothing_is_written_below_it_and_its_replica_is_not_forgotten(pair, far):
    pair.target.stop()
    kept = taken_away(far)
    pair.target.start()
    assert list(far.iterdir()) == []
    with pytest.raises(errors.ReplicaError, match="is not mounted"):
        pair.target.replica(pair.machine_id)
    pair.target.stop()
    far.rmdir()
    kept.rename(far)
    pair.target.start()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_store_that_is_not_mounted_is_said_by_the_check_and_to_the_source_with_the_machines_name(pair, far):
    """It was told to enable protection, and whoever ended it to do so lost the points."""
    pair.target.stop()
    taken_away(far)
    pair.target.start()
    asked = (CheckTarget(must_hold_replica=True), CheckTarget(memory=MemoryNeed(memory_bytes=1)))
    for payload in asked:
        found = pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]
        (said,) = (each for each in found if "replica of web01" in each["what"])
        assert "store.json is not there" in said["what"]
        assert said["do"].startswith("Mount it")
        assert said["blocking"]
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)

    def told():
        return {each.code: each.what for each in pair.source_status().findings}.get("target-store-away")

    what = eventually(told, 30)
    assert what.startswith("The replica of web01 cannot be used")
    assert what.endswith("or was emptied.")


def test_no_replica_is_made_anew_elsewhere_while_its_store_is_away(pair, far):
    pair.target.stop()
    taken_away(far)
    pair.target.start()
    again = pair.replica_setup(keeping=Placement(store="far"))
    with pytest.raises(OrderFailed, match="is not mounted"):
        pair.target.do(Kind.PREPARE_REPLICA, again, pair.machine_id)
    assert list(far.iterdir()) == []


def test_it_is_told_with_what_is_wrong(pair, far):
    pair.target.stop()
    taken_away(far)
    pair.target.start()
    _default, found = (each.seen() for each in pair.target.appliance.host.stores.all)
    assert "is not mounted" in found.problem
    assert found.free_bytes is None


def test_a_store_of_another_appliance_is_not_taken(pair, far, make_site):
    pair.target.stop()
    other = make_site("c", stores={"far": far}).start()
    _default, found = (each.seen() for each in other.appliance.host.stores.all)
    assert f"belongs to another appliance ({pair.target.appliance_id})" in found.problem


def test_who_works_on_all_stores_is_refused_while_one_is_away(pair, far):
    pair.target.stop()
    assert far in rooms.require_all(pair.target.config)
    taken_away(far)
    with pytest.raises(errors.NotPossibleNow, match="Store 'far' is not at"):
        rooms.require_all(pair.target.config)


@pytest.fixture
def kept(make_site):
    """In the default store."""
    a, b = make_site("a").start(), make_site("b").start()
    return Pair(a, b, a.make_machine()).protect().synchronized()


def first(site):
    return site.appliance.host.stores.all[0].seen()


def test_nothing_is_kept_below_the_default_store_either_while_it_is_not_mounted(kept):
    kept.pause()
    kept.target.stop()
    there = taken_away(kept.target.config.store)
    kept.target.start()
    assert "is not mounted" in first(kept.target).problem
    with pytest.raises(errors.ReplicaError, match="is not mounted"):
        kept.target.replica(kept.machine_id)
    another = kept.replica_setup(machine_id="another")
    with pytest.raises(OrderFailed, match="is not mounted"):
        kept.target.do(Kind.PREPARE_REPLICA, another, "another")
    kept.target.stop()
    shutil.rmtree(kept.target.config.store)
    there.rename(kept.target.config.store)
    kept.target.start()
    assert first(kept.target).problem is None
    kept.source.write(kept.fabric_id, 0, noise(64 * KiB))
    assert kept.point_bytes(kept.point_now()) == kept.source.read(kept.fabric_id)


def test_a_store_that_goes_while_the_appliance_runs_is_told_of(kept):
    assert first(kept.target).problem is None
    (kept.target.config.store / "store.json").unlink()
    assert "is not there any more" in first(kept.target).problem


def test_an_empty_default_store_may_be_another_folder_from_now_on(make_site):
    b = make_site("b").start()
    b.stop()
    shutil.rmtree(b.config.store)
    b.start()
    assert first(b).problem is None


def test_a_store_that_the_appliance_may_not_write_is_not_in_order(kept):
    kept.target.config.store.parent.chmod(0o755)
    folder = kept.target.config.store / "replicas"
    os.seteuid(65534)
    try:
        assert "may not write" in first(kept.target).problem or "cannot be read" in first(kept.target).problem
    finally:
        os.seteuid(0)
    assert folder.exists()
    assert first(kept.target).problem is None


@pytest.fixture
def near(pair):
    """A machine whose replica lies in the default store."""
    a = pair.source
    return Pair(a, pair.target, a.make_machine("near"), name="near").protect().synchronized()


def test_what_lies_in_other_stores_is_shown_while_one_is_unmounted(pair, near, far):
    """In the worst hour a new vault was told of a defect, and of no machine."""
    pair.target.stop()
    (pair.target.config.home / "appliance.db").unlink()
    pair.target.start()
    odd = os.fsencode(pair.target.config.store / "replicas")
    for name in (b"lost+found", b"caf\xe9"):
        os.mkdir(odd + b"/" + name)
    taken_away(far)
    told = pair.target.do(Kind.SHOW_KEPT, ListAdoptable())["machines"]
    assert {(each["id"], each["name"], each["problem"]) for each in told} == {(near.machine_id, "near", None)}


def test_what_starts_machines_of_other_stores_is_kept_while_one_is_unmounted(pair, near, far):
    keep = said(pair.machine_id, near.machine_id)
    taken_away(far)
    with pytest.raises(OrderFailed, match="could not be kept: store 'far'"):
        pair.target.do(Kind.KEEP, keep)
    store = pair.target.config.store
    assert trusted(store / CONFIGURATION)["vault"]
    assert (store / "replicas" / near.machine_id / RECORD).exists()
    assert list(far.iterdir()) == []


def test_what_a_former_vault_said_is_kept_while_its_machines_store_is_unmounted(pair, near, far):
    pair.target.do(Kind.KEEP, said(pair.machine_id))
    pair.target.do(Kind.KEEP, said(near.machine_id, policy="slow"))
    place = pair.target.config.store / CONFIGURATION
    former = trusted(place)["former"]
    assert former["machines"] == [pair.machine_id]
    pair.target.stop()
    (pair.target.config.home / "appliance.db").unlink()
    pair.target.start()
    taken_away(far)
    pair.target.order(Kind.KEEP, said(near.machine_id, policy="slow"))
    assert trusted(place)["former"] == former


def test_a_store_that_is_unmounted_meanwhile_is_told_as_away_and_not_as_damaged(pair, far):
    """Its advice was to disable protection, if a file cannot be opened at all."""
    hosted, kept = pair.target.replica(pair.machine_id), taken_away(far)
    hosted.wants_trim = True
    pair.target.appliance.work.wanted(hosted)
    (told,) = eventually(lambda: pair.status().findings, 20)
    assert told.code == "target-store-away"
    assert "was unmounted" in told.what
    far.rmdir()
    kept.rename(far)
    eventually(lambda: not pair.status().findings, 40)
