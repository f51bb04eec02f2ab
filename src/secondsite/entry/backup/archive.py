"""What is in a backup: an archive (tar, compressed by zstd) that begins with its manifest. Without a
passphrase the file is that archive, and `tar --zstd -xf FILE` opens it."""

import contextlib
import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from backports import zstd

from ...domain import errors
from ...ground import durable
from ...ground.units import KiB, MiB
from . import encrypting

FORMAT = 1
MANIFEST = "manifest.json"
HOME, DATABASE = "home", "database"
MOST_MANIFEST_BYTES = 4 * MiB
MOST_HEADER_BYTES = 64 * KiB
CERTIFICATE = ".pem"
BEGINS: Final = b"\x28\xb5\x2f\xfd"
"""The first bytes of anything that zstd has compressed."""
NAMES = re.compile(rf"({HOME}|{HOME}/pki|{DATABASE})/[A-Za-z0-9_][A-Za-z0-9_.-]*")
CHECKED: Final[dict[int, int]] = {
    zstd.CompressionParameter.checksum_flag: 1,
    zstd.CompressionParameter.compression_level: 6,
}


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself. `made_at` is an ISO 8601 instant in UTC, `version` that of the program
    that made it, `revision` that of the tables, `database` sqlite or postgresql."""

    made_at: str
    vault: str
    vault_id: str
    version: str
    revision: str
    database: str
    ca_fingerprint: str
    format: int = FORMAT


def pack(folder: Path, about: About, to: Path, secret: bytes | None) -> None:
    """Pack all files of a folder into one file, which appears only when it is whole, and which only its owner
    can read. Raises OSError."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {**asdict(about), "files": {name: _described(path) for name, path in files.items()}}
    with durable.replacing(to, 0o600) as file, _encrypted(file, secret, about) as inside:
        with (
            zstd.open(inside, "wb", options=CHECKED) as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            text = json.dumps(manifest, indent=1).encode()
            (folder / MANIFEST).write_bytes(text)
            for name, path in {MANIFEST: folder / MANIFEST, **files}.items():
                tar.add(path, name, recursive=False)


def _encrypted(
    file: BinaryIO, secret: bytes | None, about: About
) -> contextlib.AbstractContextManager[BinaryIO]:
    return (
        contextlib.nullcontext(file) if secret is None else encrypting.encrypting(file, secret, asdict(about))
    )


def look(path: Path) -> About:
    """What a backup says of itself, without its passphrase. Raises BackupDamaged."""
    if _kind(path) == "encrypted":
        return _about(encrypting.about(path), path)
    with _readable(path, None) as tar:
        return _about(_manifest(tar, path), path)


def unpack(path: Path, into: Path, secret: bytes | None) -> About:
    """Unpack every file that the manifest names into an empty folder, checking its digest. Raises
    BackupDamaged, KeyMissing, KeyWrong; what is in the folder then must not be used."""
    _kind(path)
    with _readable(path, secret, to_end=True) as tar:
        manifest = _manifest(tar, path)
        about, wanted = _about(manifest, path), dict(manifest["files"])
        _require_room(path, wanted, into)
        while (member := tar.next()) is not None:
            said = wanted.pop(member.name, None)
            is_whole = member.isreg() and not member.issparse()  # holes of any length take no byte
            if not isinstance(said, dict) or not is_whole or not NAMES.fullmatch(member.name):
                raise _damaged(path, f"it holds {member.name!r}, which its manifest does not name")
            if member.size != said.get("bytes"):
                raise _damaged(path, f"{member.name} has another size than its manifest says")
            _take(tar, member, into / member.name)
            if _described(into / member.name) != said:
                raise _damaged(path, f"{member.name} has another digest than its manifest says")
        if wanted:
            raise _damaged(path, f"{sorted(wanted)[0]} is missing")
    return about


def _require_room(path: Path, wanted: Mapping[str, Any], into: Path) -> None:
    """Check the free space before the first byte is written: some kilobytes may unpack to any size. Raises
    BackupDamaged, NotPossibleNow."""
    said = [each.get("bytes") if isinstance(each, dict) else None for each in wanted.values()]
    sizes = [size for size in said if isinstance(size, int) and size >= 0]
    if len(sizes) < len(said):
        raise _damaged(path, "its manifest does not say how large its files are")
    there = next(each for each in (into, *into.parents) if each.exists())
    needed, free = sum(sizes), shutil.disk_usage(there).free
    if needed > free:
        raise errors.NotPossibleNow(
            f"{path} unpacks to {needed // MiB} MiB, and {into} has {free // MiB} MiB free.",
            do=(
                "Free space there, or restore another backup; one that is larger than any vault was not made "
                "by a vault."
            ),
        )


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = tar.extractfile(member)
    assert source is not None
    with to.open("xb") as file:
        to.chmod(0o644 if to.suffix == CERTIFICATE else 0o600)
        while piece := source.read(MiB):
            file.write(piece)


@contextlib.contextmanager
def _readable(path: Path, secret: bytes | None, *, to_end: bool = False) -> Iterator[tarfile.TarFile]:
    """The archive, open for reading. `to_end`: the ends of compression and encryption are verified too. What
    follows the archive is not unpacked: some kilobytes may unpack to terabytes."""
    with contextlib.ExitStack() as stack:
        try:
            inside = stack.enter_context(
                encrypting.opening(path, secret) if encrypting.is_encrypted(path) else path.open("rb")
            )
            packed = stack.enter_context(zstd.open(inside, "rb"))
            yield stack.enter_context(tarfile.open(fileobj=packed, mode="r|", tarinfo=_Member))
            if to_end:
                _require_end(packed, path)
        except (tarfile.TarError, zstd.ZstdError, EOFError) as error:
            raise _damaged(path, f"{error}") from error


def _require_end(packed: zstd.ZstdFile, path: Path) -> None:
    """Raises BackupDamaged if anything but the archive's end follows. A record of zeros may be left:
    depending on its length, about one archive in twenty is read only up to there."""
    rest = packed.read(tarfile.RECORDSIZE + 1)
    if len(rest) > tarfile.RECORDSIZE or rest.strip(b"\0"):
        raise _damaged(path, "something follows what its manifest names")


class _Member(tarfile.TarInfo):
    """A member of the archive, with a limit for headers: they are read into memory whatever length they
    claim, and some kilobytes may unpack to any size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        found = super().frombuf(buf, encoding, errors)
        if not found.isreg() and found.size > MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {found.size} bytes")
        return found


def _kind(path: Path) -> str:
    """Which kind of backup the file is, by its first bytes. Raises NotFound and BackupDamaged."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(encrypting.BEGINS))
    except OSError as error:
        raise errors.NotFound(
            f"{path} cannot be read: {error.strerror or error}.",
            do="'secondsite vault backup --list' shows those that there are.",
        ) from error
    if begins == encrypting.BEGINS:
        return "encrypted"
    if not begins.startswith(BEGINS):
        raise _damaged(path, "it does not begin as a backup does")
    return "plain"


def _manifest(tar: tarfile.TarFile, path: Path) -> Mapping[str, Any]:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MOST_MANIFEST_BYTES:
        raise _damaged(path, "it does not begin with a manifest")
    file = tar.extractfile(first)
    assert file is not None
    try:
        said: Mapping[str, Any] = json.loads(file.read())
        if isinstance(said["files"], dict):
            return said
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, "its manifest cannot be read") from error
    raise _damaged(path, "its manifest cannot be read")


def _about(said: Mapping[str, Any], path: Path) -> About:
    """The manifest's description of the backup. Raises NotPossibleNow for a format of a newer release."""
    if said.get("format") != FORMAT:
        raise errors.NotPossibleNow(
            (
                f"{path} was made by release {said.get('version')} in format {said.get('format')}; this "
                f"program knows format {FORMAT}."
            ),
            do="Restore it with that release, or a later one.",
        )
    try:
        about = About(**{name: said[name] for name in About.__dataclass_fields__})
        readable = datetime.fromisoformat(about.made_at).tzinfo is not None
    except KeyError as error:
        raise _damaged(path, f"its manifest does not say {error}") from error
    except (ValueError, TypeError) as error:
        raise _damaged(path, "its manifest does not say when it was made") from error
    if not readable or not all(isinstance(each, str | int) for each in asdict(about).values()):
        raise _damaged(path, "its manifest cannot be read")
    return about


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _damaged(path: Path, how: str) -> errors.BackupDamaged:
    return errors.BackupDamaged(f"{path} is not a whole backup of a vault: {how}.")
