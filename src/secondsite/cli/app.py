"""The command line as a whole: nouns, shared options, and the one place where errors become exit codes."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..domain import errors
from . import document_commands as documents
from . import exit_codes, login, output, plan_capacity, support_bundle
from .nouns import (
    appliance,
    approval,
    audit,
    card,
    drill,
    evidence,
    group,
    job,
    machine,
    mapping,
    network,
    notice,
    plan,
    point,
    policy,
    pool,
    site,
    token,
    vault,
)
from .nouns.access import person, provider, session
from .nouns.named import check, hook
from .options import Access, refuse_secret
from .reports import report

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,  # what shells complete are files, see entry/shell
    pretty_exceptions_enable=False,
    help="Keeps virtual machines of one site ready to run at another.",
)
for noun in (
    site,
    appliance,
    machine,
    card,
    check,
    hook,
    group,
    plan,
    drill,
    policy,
    point,
    job,
    network,
    notice,
    mapping,
    pool,
    token,
    person,
    provider,
    session,
    audit,
    evidence,
    approval,
    vault,
):
    app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])
documents.register(app)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("whoami")(session.whoami)
app.command("plan-capacity")(plan_capacity.plan_capacity)
app.command()(report)
app.command("support-bundle")(support_bundle.support_bundle)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"secondsite {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(envvar="SECONDSITE_URL", help="https address of the vault.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the access token; '-': standard input. Or set SECONDSITE_TOKEN."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            hidden=True,
            callback=refuse_secret(
                "--token", "Give --token-file FILE ('-': standard input), or set SECONDSITE_TOKEN."
            ),
        ),
    ] = None,
    ca: Annotated[Path | None, typer.Option(envvar="SECONDSITE_CA", help="The vault's ca.pem.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Keeps virtual machines of one site ready to run at another."""
    assert not version
    assert token is None
    context.obj = Access(url, token_file, ca)


def run(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code. After Ctrl-C (130) jobs go on: they run in the vault."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = _end_of(given)
        sys.stdout.flush()
        return code
    except (errors.SecondsiteError, OSError, UnicodeError) as raised:
        error = raised if isinstance(raised, errors.SecondsiteError) else _told(raised)
    with contextlib.suppress(OSError):  # where nothing can be told, the exit code still does
        output.show_error(error, as_json="--json" in given)
    return exit_codes.of_error(error)


def _end_of(given: list[str]) -> int:
    try:
        app(args=given, prog_name="secondsite")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _told(error: OSError | UnicodeError) -> errors.SecondsiteError:
    """An error of this host's operating system, as an error with what to do."""
    if isinstance(error, UnicodeError):
        return errors.InvalidArgument(
            "An argument is not UTF-8 text.", do="Give names, addresses and tokens in UTF-8."
        )
    if error.filename is None:
        return errors.Internal(
            f"The output cannot be written: {error.strerror}.",
            do=(
                "What was asked may have been done: look before you type it again, with standard output "
                "elsewhere."
            ),
        )
    is_of_others = isinstance(error, PermissionError) and os.geteuid() != 0
    return errors.NotPossibleNow(
        f"{error.filename} cannot be used: {error.strerror}.",
        do="Repeat the command as root."
        if is_of_others
        else "Correct that file or folder, then repeat the command.",
    )
