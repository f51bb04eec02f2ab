"""Files that somebody put among the backups: each is told with a sentence, and none keeps the others from
being seen or kept."""

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
from backports import zstd

from secondsite.domain import errors
from secondsite.entry.backup import archive, backup_folder, encrypting

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ABOUT = {
    "made_at": NOW.isoformat(), "vault": "v", "vault_id": "1", "version": "1", "revision": "1",
    "database": "sqlite",
    "ca_fingerprint": "aa", "format": 1, "files": {},
}  # fmt: skip
LINE = {"secondsite_backup": 1, "kdf": "scrypt", "cost": 2, "salt": "00" * 32, "check": "00", "about": ABOUT}
NESTED = b"[" * 60_000
GIB = 1 << 30


def member(name, content, size=None, kind=tarfile.REGTYPE):
    found = tarfile.TarInfo(name)
    found.size, found.type = len(content) if size is None else size, kind
    return found.tobuf() + content + bytes(-len(content) % 512)


def plain(folder, *members):
    file = folder / backup_folder.name("v", NOW)
    with zstd.open(file, "wb") as packed:
        packed.write(b"".join(members) + bytes(1024))
    return file


def manifest(**changes):
    return member(archive.MANIFEST, json.dumps({**ABOUT, **changes}).encode())


def sealed(folder, line):
    file = folder / backup_folder.name("v", NOW)
    file.write_bytes(line + hashlib.sha256(line).digest())
    return file


def line(**changes):
    return json.dumps({**LINE, **changes}, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "head",
    [
        manifest(made_at="yesterday"),
        manifest(made_at=5),
        manifest(made_at="2026-11-20T12:00:00"),
        manifest(version={"a": 1}),
        member(archive.MANIFEST, NESTED),
        member("pax", b"", 3 * GIB, tarfile.XHDTYPE),
        member("long", b"", 3 * GIB, tarfile.GNUTYPE_LONGNAME),
    ],
    ids=["no instant", "a number", "no zone", "no text", "nested", "a header of 3 GiB", "a name of 3 GiB"],
)
def test_a_manifest_that_no_vault_wrote_is_told_and_the_others_are_listed(tmp_path, head):
    plain(tmp_path, head)
    (tmp_path / backup_folder.name("v", NOW - timedelta(days=1))).write_bytes(b"another")
    found = backup_folder.of(tmp_path)
    assert len(found) == 2
    assert "is not a whole backup" in found[0].problem


@pytest.mark.parametrize(
    "text", [line(cost=3), line(cost=-2), line(cost=1 << 30), line(cost=True), line(check=5),
    encrypting.BEGINS + NESTED]
)  # fmt: skip
def test_a_first_line_that_no_vault_wrote_is_told(tmp_path, text):
    file = sealed(tmp_path, text)
    with pytest.raises(errors.SecondsiteError):
        archive.unpack(file, tmp_path / "out", b"correct horse battery staple")
    assert backup_folder.of(tmp_path)[0].problem != ""


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "home/../../x", "home/pki/../x"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_nothing_is_unpacked_elsewhere(tmp_path, name, kind):
    files = {name: {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}}
    file = plain(tmp_path, manifest(files=files), member(name, b"", kind=kind))
    with pytest.raises(errors.BackupDamaged):
        archive.unpack(file, tmp_path / "out", None)
    assert sorted(each.name for each in tmp_path.iterdir()) == [file.name]


def test_a_member_that_is_longer_than_its_manifest_says_is_not_written(tmp_path):
    files = {"home/token": {"bytes": 1, "sha256": "00"}}
    file = plain(tmp_path, manifest(files=files), member("home/token", b"much more"))
    with pytest.raises(errors.BackupDamaged, match="size"):
        archive.unpack(file, tmp_path / "out", None)
    assert not (tmp_path / "out" / "home").exists()


def with_holes(name, size):
    """As GNU tar writes a file that is one hole: no byte of it follows."""
    octal = f"{0:011o}\0".encode()
    large = b"\x80" + size.to_bytes(11, "big")
    head = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    head[156:157] = tarfile.GNUTYPE_SPARSE
    head[386:410] = large + octal
    head[483:495] = large
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head)


def test_a_file_of_holes_is_not_written(tmp_path):
    name = "database/vault.db"
    file = plain(tmp_path, manifest(files={name: {"bytes": GIB, "sha256": "00"}}), with_holes(name, GIB))
    with pytest.raises(errors.BackupDamaged, match="does not name"):
        archive.unpack(file, tmp_path / "out", None)
    assert not (tmp_path / "out" / "database").exists()


def test_one_that_unpacks_to_more_than_there_is_room_for_is_refused_before_the_first_byte(tmp_path):
    name = "database/vault.db"
    zeros = member(name, b"", 1 << 50)
    file = plain(tmp_path, manifest(files={name: {"bytes": 1 << 50, "sha256": "00"}}), zeros)
    with pytest.raises(errors.NotPossibleNow, match="free"):
        archive.unpack(file, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [-1, "1", None, 1.5])
def test_a_size_that_is_none_is_refused(tmp_path, size):
    file = plain(tmp_path, manifest(files={"home/token": {"bytes": size, "sha256": "00"}}))
    with pytest.raises(errors.BackupDamaged, match="how large"):
        archive.unpack(file, tmp_path / "out", None)


def test_what_follows_the_end_is_neither_unpacked_nor_taken(tmp_path):
    file = plain(tmp_path, manifest(), bytes(64 << 20), b"more")
    assert backup_folder.of(tmp_path)[0].problem == ""
    with pytest.raises(errors.BackupDamaged, match="follows"):
        archive.unpack(file, tmp_path / "out", None)


def test_pieces_of_an_encrypted_file_cannot_be_moved_repeated_or_left_out(tmp_path):
    file, secret = tmp_path / "sealed", b"correct horse battery staple"
    with file.open("wb") as to, encrypting.encrypting(to, secret, ABOUT) as inside:
        inside.write(bytes(3 * encrypting.PIECE_BYTES))
    head, _, rest = file.read_bytes()[: -encrypting.DIGEST_BYTES].partition(b"\n")
    size = 4 + encrypting.PIECE_BYTES + 16
    first, second, last = rest[:size], rest[size : 2 * size], rest[2 * size :]
    for pieces in (
        second + first + last,
        first + first + last,
        first + last,
        first + second,
        last,
        rest + b"more",
    ):
        altered = head + b"\n" + pieces
        file.write_bytes(altered + hashlib.sha256(altered).digest())
        with pytest.raises(errors.BackupDamaged), encrypting.opening(file, secret) as found:
            io.BytesIO(found.read())


def test_a_backup_of_the_future_pushes_none_out(tmp_path):
    names = [backup_folder.name("v", NOW + days * timedelta(days=1)) for days in (-2, -1, 0, 300, 301)]
    odd = names[0].replace(f"{NOW - timedelta(days=2):%Y%m%d}", "20269999")
    for name in (*names, odd):
        (tmp_path / name).write_bytes(b"a backup")
    assert backup_folder.newest_at(tmp_path, "v", NOW) == NOW
    assert list(backup_folder.drop_old(tmp_path, "v", 2, NOW)) == names[:1]
    assert {each.path.name for each in backup_folder.of(tmp_path)} == {*names[1:], odd}
