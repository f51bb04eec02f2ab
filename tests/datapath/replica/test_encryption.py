"""Encryption at rest: nothing readable in any file, nothing lost with the wrong key, and plain QEMU with
the right one."""

import os
import secrets
import shlex
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from secondsite.datapath import errors
from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.disks import image
from secondsite.datapath.disks.file_system import FileSystem
from secondsite.datapath.encryption import encrypted_file, encryption_key
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from tests.datapath.replica.support_encryption import readable, write
from tests.datapath.support_chain import Source, assert_points_true
from tests.datapath.support_channel import cycle_header, disk_content

pytestmark = pytest.mark.slow

MARK = b"patient 4711 has been given "
"""What an intruder would look for."""


@pytest.fixture
def source():
    return Source(sizes={"sda": 4 * MiB})


@pytest.fixture
def replica(tmp_path, daemon, source, key, lent):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, key=key)
    yield replica
    replica.close()


def files_with(folder, needle):
    return [path for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def marked_cycle(source, point_id):
    header, frames = source.cycle(point_id)
    text = MARK * (64 * KiB // len(MARK) + 1)
    source.disks["sda"][:65536] = text[:65536]
    source.points[point_id] = source.copy()
    frames.append(frames[0]._replace(disk=0, offset=0, length=65536, zero=False, data=text[:65536]))
    return header, frames


def test_no_file_of_a_replica_shows_what_the_disk_holds(replica, source, key, tmp_path, monkeypatch):
    header, frames = marked_cycle(source, "p1")
    replica.apply(header, frames)
    overlay = replica.open_run("drill", "p1")["sda"]
    write(overlay, key, MiB, 64 * KiB, pattern=MARK[0])
    assert readable(monkeypatch, key)(overlay, tmp_path)[MiB : MiB + 4096] == MARK[:1] * 4096
    (tmp_path / "read.raw").unlink()
    for needle in (MARK, MARK[:1] * 64):
        assert files_with(tmp_path, needle) == []
    assert all(link.encrypted for link in image.chain(overlay))
    replica.close_run("drill")


def test_an_encrypted_replica_lives_through_the_whole_story(
    replica, daemon, source, key, tmp_path, monkeypatch
):
    read = readable(monkeypatch, key)
    for number in range(1, 7):
        replica.apply(*source.cycle(f"p{number}"))
    replica.drop("p2")
    replica.drop("p4")
    source.disks["sda"].extend(bytes(4 * KiB + 512))
    replica.apply(*source.cycle("p7"))
    assert_points_true(replica, source, tmp_path)
    overlay = replica.open_run("failover", "p6")["sda"]
    write(overlay, key, 0, 4096)
    grown = len(source.disks["sda"])
    image.resize(overlay, grown, key)
    assert replica.settle("failover").startswith("fixed on point p6")
    replica.rebase_from_run("failover", epoch=2)
    second = Source(sizes={"sda": grown}, epoch=2)
    second.disks["sda"][: 4 * MiB] = b"\x5a" * 4096 + source.points["p6"]["sda"][4096:]
    replica.apply(*second.cycle("q1", base_seq=None))
    assert_points_true(replica, second, tmp_path)
    assert read(replica.files.layer("sda", 1), tmp_path)[:4096] == b"\x5a" * 4096


def test_plain_qemu_starts_on_an_encrypted_point_with_the_command_that_its_manifest_gives(
    replica, source, key
):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    replica.close()
    told = replica.points()[-1].manifest.how_to_boot
    words = shlex.split(told.partition(": ")[2].replace("KEYFILE", str(key.path)), comments=True)
    words[words.index("-m") + 1] = "64"
    process = subprocess.Popen(
        [*words, "-display", "none", "-S", "-qmp", "stdio"], cwd=replica.files.root, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said, complained = process.communicate('{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n', timeout=60)
    assert process.returncode == 0, complained
    assert '"return"' in said


def test_with_the_wrong_key_nothing_is_done_and_nothing_is_lost(
    tmp_path, daemon, source, key, other_key, lent, monkeypatch
):
    readable(monkeypatch, key)
    right = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, key=key)
    right.apply(*source.cycle("p1"))
    right.close()
    cycle = source.cycle("p2")
    for wrong, kind in ((None, errors.KeyMissing), (other_key, errors.KeyWrong)):
        replica = Replica.open(tmp_path / "m1", daemon, key=wrong)
        assert [point.point_id for point in replica.points()] == ["p1"]
        for refused in (
            lambda replica=replica: replica.apply(*cycle),
            lambda replica=replica: replica.open_run("drill", "p1"),
            lambda replica=replica: replica.verify("p1"),
        ):
            with pytest.raises(kind, match=key.key_id):
                refused()
        replica.close()
    again = Replica.open(tmp_path / "m1", daemon, key=key)
    again.close_run("drill")
    again.apply(*cycle)
    assert_points_true(again, source, tmp_path)
    again.close()
    without = Replica.open(tmp_path / "m1", daemon)
    assert without.remove() == "removed the replica and its 2 recovery points"


def test_the_key_shows_on_no_command_line(replica, daemon, source, key):
    replica.apply(*source.cycle("p1"))
    command = Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
    assert key.secret not in command


def test_points_of_an_encrypted_replica_cost_no_key_stretching(replica, source):
    """Making a LUKS header takes seconds of processor time: only the first file may pay for it."""
    replica.apply(*source.cycle("p1"))
    before = os.times()
    for number in range(2, 7):
        replica.apply(*source.cycle(f"p{number}"))
    after = os.times()
    assert after.children_user - before.children_user < 1.0


# -- sealed cycle files ------------------------------------------------------------------------------------


def sealed(folder, key, size=3 * MiB):
    content = disk_content(size)
    frames = (
        frame for at in range(0, size, MiB) for frame in codec.encode(Choice(), 0, at, content[at : at + MiB])
    )
    return cycle_file.write(folder, cycle_header(size), frames, key), content


def test_a_sealed_cycle_gives_back_what_was_written(tmp_path, key, monkeypatch):
    path, content = sealed(tmp_path, key)
    header, frames = cycle_file.read(path, key)
    assert header == cycle_header(len(content))
    back = bytearray(len(content))
    for frame in frames:
        back[frame.offset : frame.offset + frame.length] = bytes(frame.length) if frame.zero else frame.data
    assert bytes(back) == content
    assert b"machine_id" not in path.read_bytes()


def test_any_flipped_or_missing_byte_of_a_sealed_cycle_is_damage(tmp_path, key):
    path, _ = sealed(tmp_path, key)
    whole = path.read_bytes()
    step = max(1, len(whole) // 40)
    for at in range(60, len(whole), step):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(errors.CycleDamaged):
            cycle_file.verify(path, key)
        path.write_bytes(whole[:at])
        with pytest.raises(errors.CycleDamaged):
            cycle_file.verify(path, key)
    path.write_bytes(whole)
    cycle_file.verify(path, key)


def test_a_sealed_cycle_cut_at_a_chunk_is_not_taken_for_whole(tmp_path, key):
    path = tmp_path / "file"
    with path.open("wb") as file:
        writer = encrypted_file.EncryptedWriter(file.write, key)
        writer.write(bytes(3 * encrypted_file.CHUNK_BYTES))
        writer.finish()
    whole = path.read_bytes()
    path.write_bytes(whole[: -(encrypted_file.CHUNK_BYTES + 16 + 4)])
    with (
        encrypted_file.content(path, key) as reader,
        pytest.raises(errors.CycleDamaged, match="ends too early"),
    ):
        reader.read(len(whole))


def test_a_sealed_cycle_says_which_key_it_wants(tmp_path, key, other_key):
    path, _ = sealed(tmp_path, key)
    with pytest.raises(errors.KeyMissing, match=key.key_id):
        cycle_file.read(path)
    with pytest.raises(errors.KeyWrong, match=f"{key.key_id}.*{other_key.key_id}"):
        cycle_file.read(path, other_key)


def test_a_plain_cycle_that_somebody_put_into_an_encrypted_replica_is_not_read(tmp_path, key):
    """Whoever may write to the store, but lacks the key."""
    path, _ = sealed(tmp_path, None)
    assert path.read_bytes()[:7] == b"SScycle"
    for reading in (cycle_file.read, cycle_file.verify):
        with pytest.raises(errors.CycleDamaged, match="is not encrypted, though"):
            reading(path, key)


# -- the key file ------------------------------------------------------------------------------------------


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    made = encryption_key.make(tmp_path / "key")
    assert made.path.stat().st_mode & 0o777 == 0o600
    made.path.chmod(0o640)
    with pytest.raises(errors.KeyMissing, match="chmod 600"):
        encryption_key.load(made.path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, b"a" * 50 + b"\0"])
def test_what_is_no_key_is_refused(tmp_path, content):
    with pytest.raises(errors.KeyMissing, match="is not an encryption key"):
        encryption_key.write(tmp_path / "key", content)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("content", [b"a" * 43, b"0123456789abcdef" * 4, b"secret " * 40])
def test_a_key_that_repeats_itself_is_refused_when_it_is_given_and_still_opens_what_it_encrypted(
    tmp_path, content
):
    with pytest.raises(errors.KeyMissing, match=r"can be guessed.*openssl rand"):
        encryption_key.write(tmp_path / "key", content)
    assert not (tmp_path / "key").exists()
    old = tmp_path / "old"
    old.write_bytes(content)
    old.chmod(0o600)
    assert encryption_key.load(old).secret == content


def test_random_keys_of_any_usual_form_are_taken(tmp_path):
    for number in range(50):
        for form in (secrets.token_urlsafe(32), secrets.token_hex(32), secrets.token_hex(22)):
            assert (
                encryption_key.write(tmp_path / f"{number}-{len(form)}", form.encode()).secret
                == form.encode()
            )


def test_a_key_is_never_overwritten(tmp_path):
    made = encryption_key.make(tmp_path / "key")
    with pytest.raises(errors.KeyMissing, match="cannot be written"):
        encryption_key.make(tmp_path / "key")
    assert encryption_key.load(tmp_path / "key") == made
    assert made.secret.decode() not in repr(made)


# -- the journal -------------------------------------------------------------------------------------------


def test_a_cycle_of_the_journal_is_recovered_and_neither_file_nor_overlay_shows_it(
    replica, source, key, tmp_path, monkeypatch
):
    for point_id in ("p1", None, None):
        header, frames = marked_cycle(source, point_id)
        encoded = (
            each
            for frame in frames
            for each in codec.encode(
                Choice(), 0, frame.offset, bytes(frame.length) if frame.zero else frame.data
            )
        )
        path = cycle_file.write(replica.files.inbox, header, encoded, key)
        replica.apply(*cycle_file.read(path, key))
        replica.journal.keep(path, 1, header.seq, header.seq - 1, datetime.fromisoformat(header.taken_at))
    overlay = replica.open_run("drill", "p1", through_seq=3)["sda"]
    assert files_with(tmp_path, MARK) == []
    assert all(link.encrypted for link in image.chain(overlay))
    assert readable(monkeypatch, key)(overlay, tmp_path) == bytes(source.disks["sda"])


def test_what_a_guest_writes_where_a_disk_was_left_out_is_encrypted_too(replica, source, key, tmp_path):
    replica.apply(*source.cycle("p1"))
    replica.open_run("drill", "p1")
    wanted = FileSystem("swap", "1cf9e135-8083-48b8-9fee-7109cc3e30a7")
    for disk, made in (("sdb", wanted), ("sdc", None)):
        path, is_filled = replica.stand_in("drill", disk, 4 * MiB, made)
        assert is_filled is (made is not None)
        assert image.look(path).encrypted
        write(path, key, MiB, 64 * KiB, pattern=MARK[0])
        assert replica.stand_in("drill", disk, 4 * MiB, made) == (path, is_filled)
    assert files_with(tmp_path / "m1", bytes([MARK[0]]) * 4096) == []
    replica.close_run("drill")
    assert not replica.files.run("drill").exists()
