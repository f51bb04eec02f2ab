"""Takes a backup of a vault, whether it runs or not.

The files beside the database are read before and after it: a rotation of the CA in between would give a CA
that the appliances of the database do not know.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from ... import __version__
from ...domain import errors
from ...domain.access.chain import Entry, Outcome
from ...ground.lockfile import LockFile
from ...jobs.model.clock import utc_now
from ...jobs.storage import database
from ...jobs.storage.transactions import Transactions
from ...vault import store as vault_store
from ...vault.facade import acts
from ...vault.facade.callers import THE_VAULT
from ...vault.fleet import gateway
from ...vault.health.backups import VERB
from ...vault.store import copying, migration
from ...vault.store.sql.failures import translated
from .. import service_user, settings
from ..settings import VaultSettings
from . import archive, backup_folder, secret

LOCK = "backup.lock"
WORK = ".backup-"
LOCK_SECONDS = 60.0
TRIES = 3
RECORD_SECONDS = 120.0
"""How long recording a backup is tried: writers of a busy vault hand over to each other, and another process
gets in between only by chance."""
FILES = (settings.FILE, settings.TOML_FILE, settings.TOKEN_FILE, "client.json")


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    bytes: int
    sha256: str
    made_at: datetime
    encrypted: bool
    on_record: bool
    """Whether the backup was recorded: a database that has still to be upgraded to this program's tables
    cannot take the record."""


def take(home: Path, to: Path | None, passphrase_file: Path | None) -> Backup:
    """Take a backup into a file, or by default into the folder of backups, with the passphrase of the
    settings. Raises NotFound for a home without a vault, AlreadyExists for a file that is there, and what the
    database and the disk raise."""
    # as root, if root types it: the owner of the home may not read root's files
    phrase = secret.read(passphrase_file)
    service_user.become_owner(home)
    chosen = settings.read(home)
    made_at = utc_now()
    if to is None:
        to = _folder(chosen) / backup_folder.name(chosen.name, made_at)
        phrase = phrase or secret.read(chosen.backup_passphrase_file)
    with _written(to, home):
        if to.exists():
            raise errors.AlreadyExists(f"{to} is there already.", do="Name a file that is not there yet.")
    with _alone(home), _written(to, home), _work(home) as content:
        revision = _copied(home, chosen, content)
        archive.pack(content, _about(home, chosen, revision, made_at), to, phrase)
    with to.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    taken = Backup(to, to.stat().st_size, digest, made_at, phrase is not None, revision == migration.NEWEST)
    if taken.on_record:
        _record(chosen, taken)
    return taken


def folder(home: Path) -> Path:
    """The folder for the backups of this home's vault. Raises InvalidArgument if its settings name none."""
    service_user.become_owner(home)
    return _folder(settings.read(home))


def _folder(chosen: VaultSettings) -> Path:
    if chosen.backup_folder is None:
        raise errors.InvalidArgument(
            "The vault's settings name no folder for backups.",
            do=(
                "Name a file or a folder: 'secondsite vault backup FILE'; or set 'backup_folder' in "
                "vault.json."
            ),
        )
    return chosen.backup_folder


def _copied(home: Path, chosen: VaultSettings, folder: Path) -> str:
    """Copy the vault's files into the folder; returns the revision of the tables."""
    for _ in range(TRIES):
        before = _beside(home)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / archive.DATABASE).mkdir(mode=0o700, parents=True)
        revision = copying.copy_out(chosen.database_url, folder / archive.DATABASE)
        if _beside(home) == before:
            _write(folder / archive.HOME, before)
            return _require_known(revision)
    raise errors.NotPossibleNow(
        f"The files in {home} changed while the backup was made, {TRIES} times.",
        do="Wait until the rotation of the CA, or whatever changes them, is done; then try again.",
    )


def _require_known(revision: str) -> str:
    if not migration.is_known(revision):
        raise errors.NotPossibleNow(
            migration.not_known(revision).message, do="Make the backup with the program that runs the vault."
        )
    return revision


def _beside(home: Path) -> dict[str, bytes]:
    names = [home / name for name in FILES]
    pki = sorted((home / settings.PKI_DIRECTORY).iterdir())
    files = [path for path in (*names, *pki) if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _about(home: Path, chosen: VaultSettings, revision: str, made_at: datetime) -> archive.About:
    authority = gateway.load_authority(home / settings.PKI_DIRECTORY)
    return archive.About(
        made_at=made_at.isoformat(),
        vault=chosen.name,
        vault_id=chosen.id,
        version=__version__,
        revision=revision,
        database=chosen.database_kind,
        ca_fingerprint=authority.fingerprint,
    )


def _record(chosen: VaultSettings, taken: Backup) -> None:
    """Record the backup in the database. If that fails the backup is good nevertheless, and the error says
    so."""
    details: dict[str, JsonValue] = {
        "file": str(taken.path),
        "bytes": taken.bytes,
        "sha256": taken.sha256,
        "encrypted": taken.encrypted,
    }
    entry = Entry(
        at=taken.made_at, who=THE_VAULT.name, token_id="", address="", verb=VERB, object="/vault",
        outcome=Outcome.DONE, details=acts.text_of(details),
    )  # fmt: skip
    db = database.connect(chosen.database_url)
    store = vault_store.Store(db)
    try:
        with translated():
            Transactions(db).write(lambda tx: store.within(tx).audit.append(entry), RECORD_SECONDS)
    except errors.SecondsiteError as error:
        raise errors.StoreUnavailable(
            f"{taken.path} is a good backup, but it is not on record: {error.message}", do=error.do
        ) from error
    finally:
        db.dispose()


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    lock = LockFile(home / LOCK)
    if not lock.take(LOCK_SECONDS):
        raise errors.NotPossibleNow(
            f"Another backup of {home} is being made.", do="Wait for it: 'secondsite vault backup --list'."
        )
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _work(home: Path) -> Iterator[Path]:
    """A temporary folder in the home, readable by the same users as the database; what a killed process left
    is removed."""
    for left in home.glob(f"{WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=WORK, dir=home) as folder:
        yield Path(folder) / "content"


@contextlib.contextmanager
def _written(to: Path, home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.StoreUnavailable(
            f"The backup {to} could not be written: {error.strerror or error}.",
            do="It needs as much space as the database in the vault's home, and in the folder of the file; "
            f"the user of the vault's service must be allowed to write there, as it is to {home}: name a "
            "file there, and copy it.",
        ) from error
