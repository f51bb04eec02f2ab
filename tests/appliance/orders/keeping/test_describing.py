"""How a machine is started from the store alone is written anew once its definition is another one."""

import pytest

from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.rescue import START, trusted
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.rescue_manifest import KeepRescueManifest, RescueMachine

pytestmark = pytest.mark.slow


@pytest.fixture
def kept(pair):
    """A protected pair, whose vault has said once how its machine is to be started."""
    pair.protect().synchronized()
    machine = RescueMachine(
        id=pair.machine_id, epoch=1, machine="web01", fabric_id=pair.fabric_id, name="web01"
    )
    pair.target.do(Kind.KEEP, KeepRescueManifest(site="b", machines=(machine,), plans=()))
    return pair


def file(pair):
    return pair.target.replica_folder(pair.machine_id) / START


def looked(pair):
    """What lies there after a look."""
    pair.target.appliance.descriptions.look()
    return trusted(file(pair))


def test_a_definition_that_changed_is_in_it_once_a_point_has_it_though_its_vault_says_nothing(kept):
    before = looked(kept)
    simulated.give_memory(kept.source.root, kept.fabric_id, 96 * MiB)
    assert looked(kept) == before
    kept.point_now()
    kept.target.appliance.descriptions.wake()
    eventually(lambda: trusted(file(kept))["memory_bytes"] == 96 * MiB)


def test_a_point_of_the_same_definition_writes_nothing(kept):
    before = file(kept).stat().st_ino
    kept.point_now()
    looked(kept)
    assert file(kept).stat().st_ino == before


def test_one_that_the_store_lost_is_there_again(kept):
    before = looked(kept)
    file(kept).unlink()
    assert looked(kept) | {"at": ""} | {"sha256": ""} == before | {"at": ""} | {"sha256": ""}


def test_a_point_that_cannot_be_read_leaves_what_was_kept_and_the_others_are_looked_at(kept):
    before = looked(kept)
    hosted = kept.target.replica(kept.machine_id)
    newest = kept.point_now()
    (manifest,) = (hosted.replica.files.root / "points").glob(f"{newest}*")
    manifest.write_text("{")
    assert looked(kept) == before
