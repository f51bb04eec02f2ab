"""A replica that is kept in a store that was named: all that works by a store's folder works there."""

import subprocess

import pytest

from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.stores import Placement
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind

pytestmark = pytest.mark.slow


def written(pair):
    pair.protect().synchronized()
    pair.pause()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    return pair.point_now()


def check(pair, **wanted):
    return pair.target.do(Kind.CHECK_TARGET, CheckTarget(**wanted), None)


def folders(pair):
    """Which stores have the replica's folder."""
    stores = pair.target.appliance.host.stores.all
    return [each.name for each in stores if (each.root / "replicas" / pair.machine_id).exists()]


def test_a_replica_lies_in_the_store_that_was_named_and_says_so(kept):
    point = written(kept)
    assert folders(kept) == ["fast"]
    assert kept.status().store == "fast"
    assert kept.point_bytes(point) == kept.source.read(kept.fabric_id)


def test_without_a_name_it_lies_in_the_default_store(kept):
    kept.keeping = Placement()
    written(kept)
    assert folders(kept) == ["default"]
    assert kept.status().store == "default"


def test_it_is_found_there_again_after_a_restart_and_goes_on(kept):
    written(kept)
    kept.target.restart()
    kept.source.write(kept.fabric_id, 0, noise(64 * KiB))
    point = kept.point_now()
    assert kept.point_bytes(point) == kept.source.read(kept.fabric_id)


def test_what_is_asked_for_later_does_not_move_what_is_there(kept):
    written(kept)
    other = kept.replica_setup(keeping=Placement(store="tiny"))
    kept.target.do(Kind.PREPARE_REPLICA, other, kept.machine_id)
    kept.target.restart()
    assert folders(kept) == ["fast"]
    assert kept.status().store == "fast"


def test_a_replica_that_the_database_forgot_is_taken_up_where_it_is(kept):
    point = written(kept)
    kept.target.appliance.state.remove_replica(kept.machine_id)
    kept.target.restart()
    again = kept.replica_setup(keeping=Placement())
    kept.target.do(Kind.PREPARE_REPLICA, again, kept.machine_id)
    assert folders(kept) == ["fast"]
    assert point in [each.id for each in kept.status().points]


def test_a_store_that_is_not_there_is_refused_by_name_and_those_that_fit_are_listed(kept):
    (found,) = check(kept, keeping=Placement(store="slow"), needed_bytes=32 * MiB)["obstacles"]
    assert "no store 'slow'" in found["what"]
    assert "default (" in found["do"]
    assert "fast (" in found["do"]
    assert "tiny" not in found["do"]


def test_a_store_without_room_is_refused_by_name_and_those_that_fit_are_listed(kept):
    (found,) = check(kept, keeping=Placement(store="tiny"), needed_bytes=32 * MiB)["obstacles"]
    assert "needs 33.6 MB; store 'tiny' has" in found["what"]
    assert "fast (" in found["do"]
    assert check(kept, keeping=Placement(store="fast"), needed_bytes=32 * MiB)["obstacles"] == []


def test_a_replica_that_was_to_be_made_in_no_store_is_made_nowhere(kept):
    kept.keeping = Placement(store="slow")
    with pytest.raises(OrderFailed, match="no store 'slow'"):
        kept.protect()
    assert folders(kept) == []


def test_a_full_store_is_told_of_its_own_replicas_alone(kept):
    kept.keeping = Placement(store="tiny")
    kept.fabric_id = kept.source.make_machine("big01", size_bytes=32 * MiB)
    kept.protect().synchronized()
    kept.source.write(kept.fabric_id, 0, noise(20 * MiB))

    def full():
        said = [*kept.status().findings, *kept.source_status().findings]
        return "target-store-full" in {each.code for each in said}

    eventually(full, 20)
    assert kept.target.appliance.host.stores.named("fast").free_bytes() > 64 * MiB


def test_what_a_kill_left_in_the_store_is_removed_at_the_next_start(kept, stores):
    written(kept)
    left = stores["fast"] / "replicas" / ".removed-gone-00"
    part = stores["fast"] / "trash" / ".part-gone"
    for each in (left, part):
        each.mkdir(parents=True)
    kept.target.restart()
    assert not left.exists()
    assert not part.exists()


def test_a_removed_replica_stays_in_its_own_stores_trash(kept, stores):
    written(kept)
    kept.forget()
    (item,) = kept.target.appliance.host.stores.named("fast").trash.items()
    assert item.removed.machine_id == kept.machine_id
    assert folders(kept) == []
    kept.target.restart()
    assert kept.target.appliance.host.find(kept.machine_id) is None


def test_the_vault_is_told_of_every_store(kept):
    default, fast, tiny = (each.seen() for each in kept.target.appliance.host.stores.all)
    assert (default.name, fast.name, tiny.name) == ("default", "fast", "tiny")
    assert 0 < fast.free_bytes <= fast.size_bytes < 128 * MiB
    assert [each.problem for each in (default, fast, tiny)] == [None, None, None]


def test_a_store_that_can_only_be_read_is_refused(kept, stores):
    kept.target.appliance.host.stores.named("fast").owners.release()  # its open lock is in the way
    subprocess.run(["mount", "-o", "remount,ro", str(stores["fast"])], check=True)
    (found,) = check(kept, keeping=Placement(store="fast"), needed_bytes=MiB)["obstacles"]
    assert "can only be read" in found["what"]
    assert "default (" in found["do"]
    assert "fast (" not in found["do"]
