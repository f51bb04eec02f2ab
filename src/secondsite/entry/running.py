"""The commands that start processes. They load nothing of the command line: it would stay in memory, 5 MB,
as long as they run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cli import amount_options
from ..domain import errors
from ..ground.processes import collector, loading
from .service_user import DEFAULT_APPLIANCE_HOME as DEFAULT_APPLIANCE_HOME
from .service_user import DEFAULT_VAULT_HOME as DEFAULT_VAULT_HOME


def size(what: str) -> Any:
    """A parser for options with a number of bytes."""
    return typer.Option(parser=amount_options.size, help=what, metavar="SIZE", show_default=False)


VaultHome = Annotated[Path, typer.Option("--home", help="The vault's folder.")]
ApplianceHome = Annotated[Path, typer.Option("--home", help="The appliance's folder.")]
JournalBudget = Annotated[
    int | None, size("Space for the kept cycles of a machine: 512MiB, 4GiB (default 2GiB).")
]
FurtherStores = Annotated[
    list[str] | None,
    typer.Option(
        "--further-store",
        metavar="NAME=FOLDER",
        help="Another folder for replicas, on a file system of its own, and its name; repeat it. A machine "
        "is kept there with '--store NAME'.",
    ),
]
KeyFile = Annotated[
    Path | None, typer.Option(help="Key for encryption at rest; by default encryption.key in the home.")
]


def vault_run(home: VaultHome = DEFAULT_VAULT_HOME) -> None:
    """Run the vault in the foreground. It may be killed at any time."""
    with collector.resting(), loading.without(loading.FOR_SCREENS):
        from . import vault_main

    vault_main.run(home)


def vault_approvals_off(home: VaultHome = DEFAULT_VAULT_HOME) -> None:
    """End the need for approvals, when there is no second person any more; only at the vault's host. It is
    recorded."""
    from . import vault_main

    vault_main.approvals_off(home)
    print("nothing needs a second person")


def appliance_run(
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    journal_budget: JournalBudget = None,
    encryption_key_file: KeyFile = None,
) -> None:
    """Run the appliance in the foreground. It may be killed at any time; machines run on."""
    with collector.resting(), loading.without(loading.FOR_SCREENS):
        from . import appliance_main

    appliance_main.run(home, journal_budget, encryption_key_file)


COMMANDS = {("vault", "run"): vault_run, ("appliance", "run"): appliance_run}


def chosen(words: Sequence[str]) -> Callable[..., None] | None:
    """The service command that these words begin with; None for any other command."""
    return COMMANDS.get((words[0], words[1])) if len(words) > 1 else None


def run(command: Callable[..., None], words: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app(args=list(words[2:]), prog_name=f"secondsite {words[0]} {words[1]}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except errors.SecondsiteError as error:
        from ..cli import exit_codes, output

        output.show_error(error, as_json=False)
        return exit_codes.of_error(error)
    return 0
