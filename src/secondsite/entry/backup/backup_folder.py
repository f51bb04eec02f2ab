"""The folder of backups: lists them, newest first, and deletes old ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...domain import backups, errors
from ...ground import durable
from . import archive, encrypting

SUFFIX = ".backup"
INSTANT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"secondsite-(?P<vault>.+)-(?P<at>\d{8}T\d{6}Z)\.backup")


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup in the folder. `problem`: why it is unusable, as far as its beginning shows."""

    path: Path
    bytes: int
    made_at: datetime
    encrypted: bool
    about: archive.About | None
    problem: str = ""


def name(vault: str, at: datetime) -> str:
    """The file name of a backup: names sort by time."""
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", vault)
    return f"secondsite-{plain}-{at.astimezone(UTC):{INSTANT}}{SUFFIX}"


def of(folder: Path) -> Sequence[BackupFile]:
    """The backups in a folder, newest first by name. Raises NotFound for a folder that cannot be read."""
    try:
        found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file()]
    except OSError as error:
        raise errors.NotFound(
            f"The folder of backups {folder} cannot be read: {error.strerror or error}.",
            do="Look at 'backup_folder' in the vault's vault.json, and whether its disk is mounted.",
        ) from error
    return [_kept(path) for path in sorted(found, key=_at, reverse=True)]


def newest_at(folder: Path, vault: str, now: datetime) -> datetime | None:
    made = [_at(path) for path in _of_vault(folder, vault, now)]
    return max(made, default=None)


def drop_old(folder: Path, vault: str, keep: int, now: datetime) -> Sequence[str]:
    """Delete old backups of a vault; returns the names of those that were deleted."""
    goes = backups.too_many([path.name for path in _of_vault(folder, vault, now)], keep)
    for each in goes:
        durable.remove(folder / each)
    return goes


def _of_vault(folder: Path, vault: str, now: datetime) -> Sequence[Path]:
    """The backups of this vault: another one may use the same folder. Backups dated in the future, by a wrong
    clock or by somebody who may write there, are not counted, and stay: they would push out every new
    backup."""
    ours = name(vault, datetime.now(UTC)).rpartition("-")[0] + "-"
    found = (path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    return [path for path in found if path.name.rpartition("-")[0] + "-" == ours and _at(path) <= now]


def _kept(path: Path) -> BackupFile:
    size = path.stat().st_size
    try:
        about, problem = archive.look(path), ""
    except errors.SecondsiteError as error:
        return BackupFile(path, size, _at(path), False, None, error.message)
    return BackupFile(
        path, size, datetime.fromisoformat(about.made_at), encrypting.is_encrypted(path), about, problem
    )


def _at(path: Path) -> datetime:
    matched = _NAME.fullmatch(path.name)
    assert matched is not None
    try:
        return datetime.strptime(matched["at"], INSTANT).replace(tzinfo=UTC)
    except ValueError:  # the 99th of a month
        return datetime.max.replace(tzinfo=UTC)
