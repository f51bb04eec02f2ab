"""Options that every command shares, and where a command line finds its vault.

--url, --token and --ca come first, then what `client.access` finds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .. import client
from ..client import Vault

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of a table.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return when the job is accepted; follow it later.")]
MachineNames = Annotated[
    list[str], typer.Argument(help="Names or ids of machines.", metavar="MACHINE", show_default=False)
]
MachineName = Annotated[
    str, typer.Argument(help="Name or id of a machine.", metavar="MACHINE", show_default=False)
]


WithoutSite = Annotated[
    str | None,
    typer.Option(
        "--without-site",
        metavar="SITE",
        help="A site that is gone for good: go on without it. The job's tasks say what is lost.",
    ),
]


@dataclass(slots=True)
class Access:
    """How to reach the vault, as far as the command line says."""

    url: str | None = None
    token: str | None = None
    ca: Path | None = None


def connect(context: typer.Context) -> Vault:
    """The vault of this command; raises InvalidArgument or Unauthenticated naming what is missing."""
    access = context.ensure_object(Access)
    return client.connect(access.url, access.token, access.ca)
