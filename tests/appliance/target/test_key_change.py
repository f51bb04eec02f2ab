"""A site's encryption key is changed while its appliance is stopped: nothing is lost, and the old key
opens nothing."""

import dataclasses
import hashlib
import shutil

import pytest

from rig import dying
from rig.appliances import EncryptedPair
from rig.appliances.runs import start
from rig.noise import noise
from secondsite.appliance.shared.home_lock import alone
from secondsite.appliance.target import key_change
from secondsite.datapath.encryption import encryption_key
from secondsite.datapath.replica import replica
from secondsite.datapath.replica.record import record as replica_state
from secondsite.domain import errors, health
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Kind, StopReplica
from tests.support.encryption import opens

pytestmark = pytest.mark.slow

STATE = {"nvram": b"boot entry of web01 " * 999, "tpm/tpm2-00.permall": b"endorsement seed"}
SIZE = 4 * MiB


@pytest.fixture
def key(tmp_path):
    """In a folder of its own: a change makes more files beside it."""
    (tmp_path / "keys").mkdir()
    return encryption_key.make(tmp_path / "keys" / "key")


@pytest.fixture
def encrypted(make_site, key):
    """A UEFI machine with a point of known content, its appliances running."""
    a, b = make_site("a").start(), make_site("b")
    b.keep_key(key.path)
    fabric_id = simulated.make_machine(a.root, "web01", [SIZE], networks=["lan"], firmware=STATE)
    a.fabric.power.start(fabric_id)
    pair = EncryptedPair(a, b.start(), fabric_id).protect().synchronized()
    a.write(fabric_id, 0, noise(SIZE // 2))
    return pair


def images(site):
    return sorted((site.config.store / "replicas").glob("*/disks/*/*.qcow2"))


def reopen(site, path):
    site.stop()
    site.keep_key(path)
    site.start()


def codes(pair):
    return [finding.code for finding in pair.status().findings]


def assert_starts(pair, point_id, content):
    drill = start(pair, "drill", point_id)["fabric_id"]
    assert pair.target.read(drill) == content
    assert pair.target.fabric.firmware.read(drill) == STATE
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=drill), pair.machine_id)


def test_points_replication_and_drills_go_on_with_the_new_key(encrypted, key, tmp_path):
    a, b = encrypted.source, encrypted.target
    content, point_id = a.read(encrypted.fabric_id), encrypted.point_now()
    store = b.config.store
    b.stop()
    a.write(encrypted.fabric_id, MiB, b"while the appliance is stopped")
    done = key_change.change(store, key.path, None)
    assert (done.former.key_id, done.replicas, done.others) == (key.key_id, 1, ())
    assert sorted(path.name for path in key.path.parent.iterdir()) == ["key", f"key.{key.key_id}"]
    former = encryption_key.load(done.former_file)
    assert all(opens(path, done.key) and not opens(path, former) for path in images(b))
    reopen(b, key.path)
    assert encrypted.status().encryption_key_id == done.key.key_id
    assert codes(encrypted) == []
    assert_starts(encrypted, point_id, content)
    now = a.read(encrypted.fabric_id)
    assert_starts(encrypted, encrypted.point_now(), now)


def test_firmware_state_lies_encrypted_and_a_person_with_the_key_can_decrypt_it(encrypted, key, tmp_path):
    encrypted.point_now()
    store = encrypted.target.config.store
    sealed = list(store.glob("replicas/*/firmware/*"))
    digests = [hashlib.sha256(data).hexdigest().encode() for data in STATE.values()]
    for path in store.rglob("*"):
        if path.is_file():
            assert not any(text in path.read_bytes() for text in (*STATE.values(), *digests)), path
    found = set()
    for number, path in enumerate(sealed):
        replica.decrypt(path, tmp_path / str(number), key)
        found.add((tmp_path / str(number)).read_bytes())
    assert found == set(STATE.values())


def test_the_key_stays_while_a_machine_runs_or_the_appliance_does(encrypted, key):
    b, point_id = encrypted.target, encrypted.point_now()
    drill = start(encrypted, "drill", point_id)["fabric_id"]
    b.stop()
    with pytest.raises(errors.NotPossibleNow, match="Machines run on the replica"):
        key_change.change(b.config.store, key.path, None)
    assert encryption_key.load(key.path) == key
    assert list(key.path.parent.iterdir()) == [key.path]
    b.start()
    b.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=drill), encrypted.machine_id)
    with (
        alone(b.config.home),
        pytest.raises(errors.NotPossibleNow, match="An appliance runs"),
        alone(b.config.home),
    ):
        pass


@pytest.mark.parametrize("seam", [
    "appliance.replica.key.added", "appliance.replica.key.admitted", "appliance.key.swapped",
    "appliance.replica.key.removed", "appliance.replica.key.shed",
])  # fmt: skip
def test_an_appliance_started_after_a_change_that_died_replicates_and_the_change_goes_on(
    encrypted, key, tmp_path, seam
):
    a, b = encrypted.source, encrypted.target
    content, point_id = a.read(encrypted.fabric_id), encrypted.point_now()
    b.stop()
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        key_change.change(b.config.store, key.path, None)
    reopen(b, key.path)
    a.write(encrypted.fabric_id, 0, noise(4096))
    now, newer = a.read(encrypted.fabric_id), encrypted.point_now()
    assert_starts(encrypted, point_id, content)
    assert_starts(encrypted, newer, now)
    assert not {"encryption-key-wrong", "encryption-key-missing"} & set(codes(encrypted))
    b.stop()
    other = encryption_key.make(tmp_path / "other")
    with pytest.raises(errors.AlreadyExists, match="is under way"):
        key_change.change(b.config.store, key.path, other.path)
    done = key_change.change(b.config.store, key.path, None)
    assert all(
        opens(path, done.key) and not opens(path, encryption_key.load(done.former_file)) for path in images(b)
    )
    reopen(b, key.path)
    assert codes(encrypted) == []
    assert_starts(encrypted, newer, now)


def test_a_replica_of_another_key_is_left_alone_and_named(encrypted, key):
    b = encrypted.target
    b.stop()
    folder = next((b.config.store / "replicas").iterdir())
    shutil.copytree(folder, folder.with_name("stranger"))
    record = folder.with_name("stranger") / "replica.json"
    replica_state.save(dataclasses.replace(replica_state.load(record), key_id="0123456789abcdef"), record)
    before = {path: path.read_bytes() for path in record.parent.rglob("*") if path.is_file()}
    done = key_change.change(b.config.store, key.path, None)
    assert (done.replicas, done.others) == (1, (encrypted.machine_id,))
    assert {path: path.read_bytes() for path in record.parent.rglob("*") if path.is_file()} == before


def test_one_that_was_put_back_from_before_a_change_gets_the_present_key_and_the_others_keep_it(
    encrypted, key, tmp_path
):
    """As 'Encrypt what the second site holds' says, and the advice of the finding."""
    a, b = encrypted.source, encrypted.target
    other = EncryptedPair(a, b, a.make_machine("web02"), name="web02").protect().synchronized()
    points = {each: (each.point_now(), a.read(each.fabric_id)) for each in (encrypted, other)}
    b.stop()
    folder, path = b.replica_folder(encrypted.machine_id), key.path
    shutil.copytree(folder, tmp_path / "kept")
    present = key_change.change(b.config.store, path, None)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder)
    reopen(b, path)
    assert "encryption-key-wrong" in codes(encrypted)
    assert "encryption-key-wrong" not in codes(other)
    finding = next(each for each in encrypted.status().findings if each.code == "encryption-key-wrong")
    assert all("change-key" in said for said in (finding.what, health.CATALOGUE[finding.code].do))
    b.stop()
    path.rename(tmp_path / "present.key")
    shutil.copy2(present.former_file, path)
    done = key_change.change(b.config.store, path, tmp_path / "present.key")
    assert (done.key.key_id, done.replicas, done.others) == (present.key.key_id, 2, ())
    assert all(opens(image, done.key) for image in images(b))
    reopen(b, path)
    for each, (point_id, content) in points.items():
        assert not {"encryption-key-wrong", "encryption-key-change-unfinished"} & set(codes(each))
        assert each.target.read(start(each, "drill", point_id)["fabric_id"]) == content
