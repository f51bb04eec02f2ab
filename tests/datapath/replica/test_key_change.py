"""A new key for an encrypted replica: at any instant one of the two opens all of it, and afterwards only
the new one."""

import dataclasses
import functools
import hashlib
import json
import os
import shutil
from datetime import datetime
from typing import cast

import pytest

from secondsite.datapath import errors
from secondsite.datapath.cycles import cycle_file, firmware
from secondsite.datapath.disks import luks_header
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.encryption import encrypted_file
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.replica.record import manifest
from secondsite.datapath.replica.record import record as replica_state
from secondsite.datapath.replica.record.manifest import ManifestFirmware
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from tests.datapath.replica.support_encryption import readable
from tests.datapath.support_chain import Seams, Source, assert_points_true, dying
from tests.support.encryption import opens

pytestmark = pytest.mark.slow

STATE = {"nvram": b"variables " * 999, "tpm/tpm2-00.permall": b"tpm"}


@pytest.fixture
def source():
    return Source(sizes={"sda": 4 * MiB})


@pytest.fixture
def replica(tmp_path, daemon, source, key, lent):
    """Two points, firmware state, a cycle in the journal and one that waits."""
    made = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, key=key)
    made.apply(*source.cycle(firmware=firmware.pack(STATE, ())))
    source.disks["sda"][:4096] = b"boot" * 1024
    header, frames = source.cycle("p1")
    made.apply(header, [frames[0]._replace(offset=0, length=4096, zero=False, data=b"boot" * 1024), *frames])
    journaled = source.cycle()
    path = sealed(made, *journaled)
    made.apply(*journaled)
    made.journal.keep(path, 1, 3, 2, datetime.fromisoformat(journaled[0].taken_at))
    made.apply(*source.cycle("p2"))
    sealed(made, *source.cycle())
    yield made
    made.close()


def sealed(replica, header, frames):
    """A cycle's file in the inbox."""
    encoded = (
        each
        for frame in frames
        for each in codec.encode(Choice(), 0, frame.offset, bytes(frame.length) if frame.zero else frame.data)
    )
    return cycle_file.write(replica.files.inbox, header, encoded, replica.file_key)


def change(folder, daemon, key, new, reach=lambda _name: None):
    """All of the change, from its begin or from where it was broken off; opened anew where the key file is
    swapped."""
    holds = replica_state.load(folder / "replica.json").key_id
    if holds == key.key_id:
        old = Replica.open(folder, daemon, reach, key)
        old.admit_key(new)
        old.close()
    taken = Replica.open(folder, daemon, reach, new)
    taken.shed_key(key)
    taken.close()


def images(folder):
    return sorted((folder / "disks").glob("*/*.qcow2"))


def assert_opens_all(folder, daemon, source, key, scratch, monkeypatch, points=True):
    """Plain QEMU programs read every layer and point with this key, and what is sealed can be read."""
    readable(monkeypatch, key)
    assert all(opens(path, key) for path in images(folder))
    replica = Replica.open(folder, daemon, key=key)
    for path in [*replica.files.inbox.glob("*.cycle"), *replica.files.journal.glob("*.cycle")]:
        cycle_file.verify(path, replica.file_key)
    for point in replica.points():
        assert replica.firmware(point.point_id) == STATE
    if points:
        assert_points_true(replica, source, scratch)
    replica.close()


def test_a_new_key_opens_every_layer_and_file_and_the_old_one_none(
    replica, daemon, source, key, other_key, tmp_path, monkeypatch
):
    folder = replica.files.root
    before = [path.read_bytes() for path in replica.files.inbox.iterdir()]
    replica.admit_key(other_key)
    assert replica.state.next_key_id == other_key.key_id
    assert all(opens(path, each) for path in images(folder) for each in (key, other_key))
    replica.close()
    change(folder, daemon, key, other_key)
    assert_opens_all(folder, daemon, source, other_key, tmp_path, monkeypatch)
    assert [path for path in images(folder) if opens(path, key)] == []
    assert [path.read_bytes() for path in replica.files.inbox.iterdir()] == before, "data was written again"
    state = replica_state.load(folder / "replica.json")
    assert (state.key_id, state.next_key_id, state.former_key_id) == (other_key.key_id, None, None)
    assert [key_id for key_id, _ in state.data_keys] == [other_key.key_id]
    with pytest.raises(errors.KeyWrong, match=other_key.key_id):
        Replica.open(folder, daemon, key=key).verify("p1")


def test_replication_goes_on_with_the_new_key(replica, daemon, source, key, other_key, tmp_path, monkeypatch):
    folder = replica.files.root
    replica.close()
    change(folder, daemon, key, other_key)
    readable(monkeypatch, other_key)
    again = Replica.open(folder, daemon, key=other_key)
    (waiting,) = again.files.inbox.iterdir()
    again.apply(*cycle_file.read(waiting, again.file_key))
    again.apply(*source.cycle("p3"))
    again.drop("p1")
    assert_points_true(again, source, tmp_path)
    assert [path for path in images(folder) if not opens(path, other_key) or opens(path, key)] == []
    again.close()


@pytest.mark.parametrize(
    ("died_in", "step"), [("admit", 2), pytest.param("shed", 1, marks=pytest.mark.chaos)]
)
def test_a_death_at_any_seam_leaves_one_key_that_opens_all(
    replica, daemon, source, key, other_key, tmp_path, monkeypatch, died_in, step
):
    template = replica.files.root
    if died_in == "shed":
        replica.admit_key(other_key)
    replica.close()
    sync = os.fsync
    for kill_at in range(1, 100, step):
        folder, seams = tmp_path / f"at{kill_at}", Seams()
        shutil.copytree(template, folder)
        if died_in == "admit":
            victim = Replica.open(folder, daemon, seams, key)
            work = functools.partial(victim.admit_key, other_key)
        else:
            victim = Replica.open(folder, daemon, seams, other_key)
            work = functools.partial(victim.shed_key, key)
        seams.arm(kill_at)
        monkeypatch.setattr(os, "fsync", lambda file, seams=seams: (seams("fsync"), sync(file)))
        with dying() as died:
            work()
        monkeypatch.setattr(os, "fsync", sync)
        state = replica_state.load(folder / "replica.json")
        holds = key if state.key_id == key.key_id else other_key
        assert_opens_all(folder, daemon, source, holds, tmp_path, monkeypatch, points=False)
        if died_in == "shed" or kill_at % 3 == 0 or not died:
            change(folder, daemon, key, other_key)
            assert_opens_all(folder, daemon, source, other_key, tmp_path, monkeypatch)
            assert [path for path in images(folder) if opens(path, key)] == []
        shutil.rmtree(folder)
        if not died:
            assert kill_at > 6, seams.reached
            return


def test_either_key_may_be_the_one_that_is_there_after_the_first_half(
    replica, daemon, source, key, other_key, tmp_path, monkeypatch
):
    """A layer that is made in between opens only with the key that it was made with, so that one holds."""
    readable(monkeypatch, key)
    folder = replica.files.root
    replica.admit_key(other_key)
    (waiting,) = replica.files.inbox.iterdir()
    replica.apply(*cycle_file.read(waiting, replica.file_key))
    replica.close()
    again = Replica.open(folder, daemon, key=key)
    again.apply(*source.cycle("p3"))
    assert again.state.next_key_id is None
    again.close()
    with pytest.raises(errors.KeyWrong):
        Replica.open(folder, daemon, key=other_key).verify("p1")
    change(folder, daemon, key, other_key)
    assert_opens_all(folder, daemon, source, other_key, tmp_path, monkeypatch)


def test_the_key_stays_while_a_machine_runs_on_the_replica(replica, key, other_key):
    replica.open_run("drill", "p1")
    with pytest.raises(errors.ReplicaInUse, match="drill"):
        replica.admit_key(other_key)
    replica.close_run("drill")
    replica.admit_key(other_key)


def test_a_disk_that_grew_has_layers_of_two_headers_and_both_take_the_key(
    replica, daemon, source, key, other_key, tmp_path, monkeypatch
):
    folder = replica.files.root
    (waiting,) = replica.files.inbox.iterdir()
    replica.apply(*cycle_file.read(waiting, replica.file_key))
    waiting.unlink()
    source.disks["sda"].extend(bytes(MiB))
    readable(monkeypatch, key)
    replica.apply(*source.cycle("p3"))
    replica.close()
    assert len({luks_header.descriptor(path) for path in images(folder)}) == 2
    change(folder, daemon, key, other_key)
    assert_opens_all(folder, daemon, source, other_key, tmp_path, monkeypatch)
    assert [path for path in images(folder) if opens(path, key)] == []


def left_by_an_earlier_release(folder, key):
    """Firmware state plain under its sha256, cycles sealed with the customer's key itself, and no data
    key."""
    replica = Replica.open(folder, cast(StorageDaemon, None), key=key)
    for path in [*replica.files.inbox.glob("*.cycle"), *replica.files.journal.glob("*.cycle")]:
        with encrypted_file.content(path, replica.file_key) as file:
            content = file.read(64 * MiB)
        encrypted_file.write(path, content, key)
    shutil.rmtree(replica.files.firmware)
    replica.files.firmware.mkdir()
    plain = {}
    for name, data in STATE.items():
        digest = hashlib.sha256(data).hexdigest()
        (replica.files.firmware / digest).write_bytes(data)
        plain[name] = ManifestFirmware(name, len(data), f"firmware/{digest}", digest)
    for path in replica.files.points.glob("*.json"):
        body, files = manifest.load(path), tuple(plain.values())
        told = manifest.how_to_boot(body.disks, files, encrypted_files=3)
        manifest.save(dataclasses.replace(body, firmware=files, how_to_boot=told), path)
    record = json.loads((folder / "replica.json").read_text())
    record["firmware"] = [
        {"name": f.name, "sha256": f.sha256, "size_bytes": f.size_bytes} for f in plain.values()
    ]
    for name in ("data_keys", "next_key_id", "former_key_id", "sha256"):
        del record[name]
    (folder / "replica.json").write_text(json.dumps(record))


def readable_state(folder):
    return [path for path in folder.rglob("*") if path.is_file() and STATE["nvram"] in path.read_bytes()]


def test_what_an_earlier_release_left_is_sealed_at_the_first_use_whatever_instant_it_dies_at(
    replica, daemon, source, key, tmp_path, monkeypatch
):
    readable(monkeypatch, key)
    template = replica.files.root
    replica.close()
    left_by_an_earlier_release(template, key)
    assert readable_state(template)
    for kill_at in range(1, 20):
        folder, seams = tmp_path / f"at{kill_at}", Seams()
        shutil.copytree(template, folder)
        victim = Replica.open(folder, daemon, seams, key)
        seams.arm(kill_at)
        with dying() as died:
            victim.release("p1")
        assert_opens_all(folder, daemon, source, key, tmp_path, monkeypatch)
        assert readable_state(folder) == []
        digests = [hashlib.sha256(data).hexdigest().encode() for data in STATE.values()]
        for path in [folder / "replica.json", *(folder / "points").iterdir()]:
            assert not any(digest in path.read_bytes() for digest in digests)
        shutil.rmtree(folder)
        if not died:
            assert kill_at > 3
            return


def test_a_replica_that_an_earlier_release_made_takes_a_new_key(
    replica, daemon, source, key, other_key, tmp_path, monkeypatch
):
    folder = replica.files.root
    replica.close()
    left_by_an_earlier_release(folder, key)
    (waiting,) = replica.files.inbox.iterdir()
    assert encrypted_file.key_id_of(waiting) == key.key_id
    assert cycle_file.verify(waiting, Replica.open(folder, daemon, key=key).file_key).seq == 5
    change(folder, daemon, key, other_key)
    assert_opens_all(folder, daemon, source, other_key, tmp_path, monkeypatch)
    with pytest.raises(errors.KeyWrong):
        cycle_file.verify(waiting, key)
    told = manifest.load(folder / "points" / "p1.json").how_to_boot
    assert "secondsite appliance decrypt firmware/" in told
    assert "file=VARS.fd" in told
