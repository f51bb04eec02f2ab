"""Takes the URL of a vault's database from the command line. Every user of a host can read the arguments of
all processes, so a password does not belong there."""

import stat
from pathlib import Path
from typing import Annotated

import typer

from ..cli import output
from ..cli.options import secret_in
from ..domain import errors

VARIABLE = "SECONDSITE_DATABASE_URL"
STANDARD_INPUT = Path("-")

DatabaseUrlFile = Annotated[
    Path | None,
    typer.Option(
        "--database-url-file",
        help=(
            "File of mode 0600 whose first line is the URL of the database, with its password; '-': standard "
            "input."
        ),
        show_default=False,
    ),
]


def option(help_text: str) -> typer.models.OptionInfo:
    """`--database-url`, which may come from the environment."""
    found: typer.models.OptionInfo = typer.Option(
        "--database-url",
        envvar=VARIABLE,
        help=f"{help_text} With a password: {VARIABLE}, or --database-url-file.",
        show_default=False,
    )
    return found


def chosen(context: typer.Context, url: str | None, file: Path | None) -> str | None:
    """The URL from a file, the environment or the command line; None if it was not given. Warns of a password
    that others can read. Raises InvalidArgument."""
    typed = _is_typed(context)
    if file is not None:
        if typed:
            raise errors.InvalidArgument(
                "--database-url and --database-url-file were both given.", do="Give one of them."
            )
        _require_private(file)
        return secret_in(file, "database's URL")
    if typed and url is not None and _has_password(url):
        output.warn(
            "every user of this host can read the password in --database-url while this runs, and it is in "
            f"your shell's history: give --database-url-file FILE, or {VARIABLE}"
        )
    return url


def required(url: str | None) -> str:
    """The URL; raises InvalidArgument if it was not given."""
    if url is None:
        raise errors.InvalidArgument(
            "The database of the vault was not named.",
            do=f"Give --database-url-file FILE, {VARIABLE}, or --database-url for one without a password.",
        )
    return url


def _is_typed(context: typer.Context) -> bool:
    source = context.get_parameter_source("database_url")
    return source is not None and source.name == "COMMANDLINE"


def _has_password(url: str) -> bool:
    from sqlalchemy import make_url  # other commands do without it
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).password is not None
    except ArgumentError:
        return False


def _require_private(file: Path) -> None:
    if file == STANDARD_INPUT:
        return
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise errors.InvalidArgument(
            f"{file} cannot be read: {error}.", do="Name the file that the URL is in."
        ) from error
    if mode & 0o077:
        raise errors.InvalidArgument(
            f"The password in {file} can be read by others (mode {mode:04o}).", do=f"Run 'chmod 600 {file}'."
        )
