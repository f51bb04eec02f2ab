"""secondsite vault backup, and restore: at the vault's own host, for users who may read its home. No access
token gives access to what is in the file."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...cli import output
from ...cli.options import Json
from ...cli.output import clock
from ...domain import amounts
from .. import database_url as address
from .. import service_user
from ..service_user import DEFAULT_VAULT_HOME

if TYPE_CHECKING:
    from .backup_folder import BackupFile
    from .restoring import RestoreResult
    from .taking import Backup

VaultHome = Annotated[Path, typer.Option("--home", help="The vault's folder.")]
Passphrase = Annotated[
    Path | None,
    typer.Option(
        help=(
            "File of mode 0600 whose first line is the passphrase, or a random key; '-': it is asked for, or "
            "read from standard input."
        ),
        show_default=False,
    ),
]
COLUMNS: Sequence[output.Column] = (
    ("file", lambda each: each.path.name),
    ("made", lambda each: clock(each.made_at)),
    ("size", lambda each: amounts.size(each.bytes)),
    ("encrypted", lambda each: "yes" if each.encrypted else "no"),
    ("release", lambda each: each.about.version if each.about else "-"),
    ("problem", lambda each: each.problem or "-"),
)


def vault_backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to be made; by default one in the folder of 'backup_folder' in vault.json.",
            show_default=False,
        ),
    ] = None,
    home: VaultHome = DEFAULT_VAULT_HOME,
    passphrase_file: Passphrase = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Make none: show those in the folder, newest first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a backup of a vault, which may be running: one file with its database, CA, keys and settings.
    Whoever has the file is the vault: encrypt it, or keep it secret."""
    from . import taking

    if listed:
        _show_list(file, home, as_json)
        return
    taken = taking.take(home, file, passphrase_file)
    if as_json:
        output.show_json(
            {**dataclasses.asdict(taken), "path": str(taken.path), "made_at": taken.made_at.isoformat()}
        )
        return
    _announce(taken)


def vault_restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file of 'secondsite vault backup'.")],
    home: VaultHome = DEFAULT_VAULT_HOME,
    passphrase_file: Passphrase = None,
    database_url: Annotated[
        str | None,
        address.option("An empty database for a vault on PostgreSQL; by default that of the backup."),
    ] = None,
    database_url_file: address.DatabaseUrlFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The home is a vault's: what it holds is kept aside in it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a vault of a backup, in an empty home. It must be the only one: make sure that the former does
    not run any more, anywhere."""
    from . import restoring

    url = address.chosen(context, database_url, database_url_file)
    done = restoring.restore(home, restoring.RestoreRequest(file, passphrase_file, url, replace))
    if as_json:
        aside = None if done.aside is None else str(done.aside)
        output.show_json({"home": str(home), "aside": aside, **dataclasses.asdict(done.about)})
        return
    _tell(done, home)


def _announce(taken: "Backup") -> None:
    how = "encrypted" if taken.encrypted else "NOT encrypted: whoever reads it is the vault"
    output.say(
        f"{taken.path} holds the vault as of {clock(taken.made_at)}: {amounts.size(taken.bytes)}, {how}"
    )
    output.say(f"sha256 {taken.sha256}")
    if not taken.on_record:
        output.say(
            "not in the audit log: the database is that of an earlier release, until the vault of this one "
            "starts"
        )
    output.say("next: copy it to another place than this host")


def _show_list(folder: Path | None, home: Path, as_json: bool) -> None:
    from . import backup_folder, taking

    found = backup_folder.of(folder or taking.folder(home))
    if as_json:
        output.show_json({"backups": [_json(each) for each in found]})
        return
    output.show_table(found, COLUMNS, "No backups.")


def _json(each: "BackupFile") -> dict[str, object]:
    return {**dataclasses.asdict(each), "path": str(each.path), "made_at": each.made_at.isoformat()}


def _tell(done: "RestoreResult", home: Path) -> None:
    about = done.about
    output.say(
        f"{home} is vault '{about.vault}' as of {clock(datetime.fromisoformat(about.made_at))}, CA "
        f"{about.ca_fingerprint}"
    )
    if done.aside is not None:
        output.say(f"what the home held before is in {done.aside}")
    output.say(f"next: {service_user.to_start('vault', home)}")
    output.say("then, once its appliances are connected:")
    output.say(
        "  'secondsite job list --state held'   jobs that were moving: look at the machine of each, then "
        "'job resume' or 'job cancel'"
    )
    output.say(
        "  'secondsite vault summary'           what is otherwise than the backup says is a finding of the "
        "machine"
    )
