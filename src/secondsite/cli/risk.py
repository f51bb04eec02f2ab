"""Asks a person before something is done that may lose data."""

import sys
from typing import Annotated

import typer

from ..domain import errors
from . import output

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: the risk is known.")]


def accept_two_copies(machine: str, yes: bool) -> None:
    """Say what a second copy risks, and ask unless `yes`. Raises InvalidArgument where nobody can be
    asked, Abort if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise errors.InvalidArgument(
            f"Starting the old copy of {machine} may make two copies, and nobody can be asked here.",
            do="Give --yes if the risk is known.",
        )
    output.warn(
        f"{machine} was failed over. If it also runs at the other site there are two copies then: both "
        "write, users may reach either, and what one of them writes is lost later. Stop the other copy "
        "first, if it can be reached."
    )
    typer.confirm("Start the old copy?", abort=True, err=True)


def accept_deletion(what: str, name: str, yes: bool) -> None:
    """Ask before something is deleted for good. Raises as `accept`."""
    accept(f"Deleting the {what} '{name}'", f"Delete the {what} '{name}'?", yes)


def accept(act: str, question: str, yes: bool) -> None:
    """Ask unless `yes`. Raises InvalidArgument where nobody can be asked, Abort if the answer is no."""
    if yes:
        return
    require_somebody(act)
    typer.confirm(question, abort=True, err=True)


def require_somebody(act: str) -> None:
    """Raises InvalidArgument if nobody can be asked: a script must give `--yes`."""
    if not sys.stdin.isatty():
        raise errors.InvalidArgument(
            f"{act} needs a confirmation, and nobody can be asked here.", do="Give --yes if it is meant."
        )
