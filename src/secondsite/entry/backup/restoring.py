"""Restores a vault from a backup into an empty home. `vault.json` is written last: after an interruption the
next restore begins anew.

What the home held before is kept aside in it. The vault that starts there holds the jobs that were in
progress, and learns from its appliances what became of the machines.
"""

import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pydantic

from ... import __version__
from ...domain import errors
from ...domain.access.chain import Entry, Outcome
from ...ground import durable
from ...ground.lockfile import LockFile
from ...jobs.model.clock import utc_now
from ...jobs.storage import database
from ...vault import store as vault_store
from ...vault.facade import acts
from ...vault.facade.callers import THE_VAULT
from ...vault.store import copying, migration
from .. import restored_vault, service_user, settings
from ..settings import VaultSettings
from . import archive, secret

VERB = "vault restore"
WORK, ASIDE = ".restore-", "replaced-"
CLIENT = "client.json"
DATABASE_FILES = tuple(f"{settings.DATABASE_FILE}{end}" for end in ("", "-wal", "-shm", "-journal"))
HELD = (
    settings.FILE,
    settings.TOML_FILE,
    settings.TOKEN_FILE,
    CLIENT,
    restored_vault.FILE,
    settings.PKI_DIRECTORY,
    *DATABASE_FILES,
)
"""The files of a vault in its home. The settings are moved first: without them the home is no vault's."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result of a restore. `aside`: the folder with what the home held before; None if it was empty."""

    settings: VaultSettings
    about: archive.About
    aside: Path | None


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """`database_url`: for a vault on PostgreSQL, if not the one that its settings name."""

    file: Path
    passphrase_file: Path | None = None
    database_url: str | None = None
    replace: bool = False


def restore(home: Path, wanted: RestoreRequest) -> RestoreResult:
    """Restore a backup into a home. Nothing there is touched before the whole file is verified.

    Raises BackupDamaged, KeyMissing, KeyWrong, and NotPossibleNow for a home in use, for a database that is,
    or for the backup of a newer release or of a day before 0.2.0.
    """
    _require_replaceable(home, wanted.replace)
    # as root, if root types it: the owner of the home may not read root's files
    phrase = secret.read(wanted.passphrase_file)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with service_user.become_owner_with(home, wanted.file) as file, _at_rest(home), _work(home) as folder:
        about = _verified(file, folder, phrase)
        chosen = _settings(home, folder, wanted.database_url)
        copying.require_empty(chosen.database_url)
        aside = _set_aside(home, utc_now())
        _furnish(home, folder / archive.HOME)
        copying.copy_in(chosen.database_url, folder / archive.DATABASE, about.revision)
        _bring_up(chosen, about, wanted.file)
        settings.write(home, chosen)
    return RestoreResult(chosen, about, aside)


def _require_replaceable(home: Path, replace: bool) -> None:
    if settings.exists(home) and not replace:
        raise errors.NotPossibleNow(
            f"{home} is a vault's home already.",
            do=(
                "Name an empty one with --home; or give --replace: what this one holds is then kept aside in "
                "it."
            ),
        )


@contextlib.contextmanager
def _at_rest(home: Path) -> Iterator[None]:
    """A context in which no vault runs in this home, and none starts on its file."""
    # a database that is gone serves nobody; nor do settings that cannot be read
    with contextlib.suppress(errors.StoreUnavailable, errors.InvalidArgument):
        if settings.exists(home) and copying.is_served(
            settings.read(home).database_url, settings.read(home).id
        ):
            raise _running(home)
    lock = LockFile(home / f"{settings.DATABASE_FILE}.engine")
    if not lock.take():
        raise _running(home)
    try:
        yield
    finally:
        lock.release()


def _running(home: Path) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"The vault of {home} runs.", do="Stop it first: 'systemctl stop secondsite-vault'."
    )


def _verified(file: Path, folder: Path, phrase: bytes | None) -> archive.About:
    """Unpack the backup into the folder. Refuses what this program cannot restore."""
    _require_known(file, archive.look(file))
    about = archive.unpack(file, folder, phrase)
    _require_known(file, about)
    return about


def _require_known(file: Path, about: archive.About) -> None:
    # of the release's tables this program makes none: those of SQLite are in the file
    of_release = (about.revision, about.database) == (migration.RELEASED, "postgresql")
    if of_release or migration.is_between(about.revision):
        raise errors.NotPossibleNow(
            f"{file} was made by {about.version}, of a {about.database} database with tables of revision "
            f"{about.revision}, which is older than release 0.2.0: this program cannot restore it.",
            do=(
                f"{migration.BRING_ON}; restore it with that, and start the vault once. Then install this "
                "release again."
            ),
        )
    if not migration.is_known(about.revision):
        raise errors.NotPossibleNow(
            f"{file} was made by a newer release: by {about.version}, whose database has tables of revision "
            f"{about.revision}. This program, {__version__}, knows them up to {migration.NEWEST}.",
            do="Restore it with that release, or a later one.",
        )


def _settings(home: Path, folder: Path, database_url: str | None) -> VaultSettings:
    """The settings of the backup, changed for this home."""
    path = folder / archive.HOME / settings.FILE
    try:
        found = VaultSettings.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError, pydantic.ValidationError) as error:
        raise errors.BackupDamaged(f"The settings in the backup cannot be read: {error}") from error
    if found.database_kind == "sqlite":
        if database_url is not None:
            raise errors.InvalidArgument(
                "The backup is that of a vault on SQLite, whose database is a file in its home.",
                do="Leave out --database-url.",
            )
        return found.model_copy(update={"database_url": settings.default_database(home)})
    chosen = found.model_copy(update={"database_url": database_url or found.database_url})
    if chosen.database_kind != found.database_kind:
        raise errors.InvalidArgument(
            (
                f"The backup is that of a vault on {found.database_kind}, which "
                f"{settings.shown_database(chosen.database_url)} is not."
            ),
            do=(
                "Name an empty database of PostgreSQL: --database-url "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME."
            ),
        )
    return chosen


def _set_aside(home: Path, at: datetime) -> Path | None:
    there = [name for name in HELD if (home / name).exists()]
    if not there:
        return None
    aside = home / f"{ASIDE}{at:%Y%m%dT%H%M%S%f}"
    aside.mkdir(mode=0o700)
    durable.sync_folder(home)
    for name in there:
        (home / name).rename(aside / name)
        durable.sync_folder(home)
    durable.sync_folder(aside)
    return aside


def _furnish(home: Path, source: Path) -> None:
    """Write everything but the settings. The file beside the database has no mark, so the vault will notice
    that it was restored."""
    durable.write(home / restored_vault.FILE, json.dumps({"marks": [], "file": None}) + "\n")
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_file() and str(name) not in (settings.FILE, CLIENT):
            durable.write(home / name, path.read_bytes(), mode=path.stat().st_mode & 0o777)
    (home / settings.PKI_DIRECTORY).chmod(0o700)
    if (source / CLIENT).exists():
        durable.write(home / CLIENT, _client(home, source / CLIENT))


def _client(home: Path, path: Path) -> str:
    """Its files are in this home now."""
    said = json.loads(path.read_text())
    said["token_file"] = str(home.absolute() / settings.TOKEN_FILE)
    said["ca"] = str(home.absolute() / settings.PKI_DIRECTORY / Path(said["ca"]).name)
    return json.dumps(said, indent=2) + "\n"


def _bring_up(chosen: VaultSettings, about: archive.About, file: Path) -> None:
    """Bring the database to the tables of this program, without any lease, and record the restore."""
    vault_store.migrate(chosen.database_url)
    db = database.connect(chosen.database_url)
    try:
        with vault_store.Store(db).transaction() as tx:
            copying.show_restored(tx.session)
            tx.sessions.remove_all()  # what was ended or used since the backup is not to be there again
            tx.people.end_links()
            details = {"file": str(file), **dataclasses.asdict(about)}
            tx.audit.append(
                Entry(
                    at=utc_now(), who=THE_VAULT.name, token_id="", address="", verb=VERB, object="/vault",
                    outcome=Outcome.DONE, details=acts.text_of(details),
                )
            )  # fmt: skip
    finally:
        db.dispose()


@contextlib.contextmanager
def _work(home: Path) -> Iterator[Path]:
    for left in home.glob(f"{WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix=WORK, dir=home) as folder:
            yield Path(folder)
    except OSError as error:
        raise errors.StoreUnavailable(
            f"The backup could not be restored into {home}: {error.strerror or error}.",
            do="It needs free space for the database twice; then type the same again.",
        ) from error
