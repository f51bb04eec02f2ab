"""Options that several commands share, and how a command line finds its vault.

--url, --token-file and --ca come first, then what `client.which_vault` finds. A secret is never an argument:
every user of a host can read the arguments of all processes.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .. import client
from ..client import Vault
from ..domain import errors
from ..domain.drills.verdicts import Verdict
from ..domain.plans.directions import Direction
from ..wire.rest import Location

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of a table.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return when the job is accepted; follow it later.")]
MachineNames = Annotated[
    list[str], typer.Argument(help="Names or ids of machines.", metavar="MACHINE", show_default=False)
]
MachineName = Annotated[
    str, typer.Argument(help="Name or id of a machine.", metavar="MACHINE", show_default=False)
]


Subnet = Annotated[
    str | None,
    typer.Option(
        "--subnet",
        metavar="CIDR",
        help=(
            "The network that is created gives addresses of it by DHCP, and resolves the machines' names: "
            "10.9.0.0/24."
        ),
    ),
]

DnsServer = Annotated[
    list[str] | None,
    typer.Option(
        "--dns-server",
        metavar="ADDRESS",
        help="DHCP names this DNS server in place of the network's own; once for each, up to three.",
        show_default=False,
    ),
]

Way = Annotated[
    Direction | None,
    typer.Option(
        "--direction",
        help="Needed if the machines would go different ways: away from their home site, or home.",
        show_default=False,
    ),
]

DrillVerdict = Annotated[
    Verdict | None,
    typer.Option(
        "--verdict",
        help="Whether the machine can be used there; by default by its proof.",
        show_default=False,
    ),
]

CleanUp = Annotated[
    bool,
    typer.Option(
        "--clean-up",
        help="Remove everything without asking once there is proof; the verdict is that of the proof.",
    ),
]

StayOpen = Annotated[
    bool,
    typer.Option(
        "--stay-open",
        help=(
            "The job ends when the test is completed (cleanup-test-failover), with that verdict and those "
            "notes; not yet when the copy runs."
        ),
    ),
]

KeepIfFailed = Annotated[
    bool,
    typer.Option(
        "--keep-if-failed", help="With --clean-up: what failed stays until somebody has looked at it."
    ),
]

AtHost = Annotated[
    str | None,
    typer.Option(
        "--target-appliance",
        metavar="APPLIANCE",
        help="At this one's host, which first takes the replica over, in a store that both reach; with "
        "--data-sync any appliance of another site than the one where it runs.",
        show_default=False,
    ),
]

SyncLocation = Annotated[
    Location | None,
    typer.Option(
        "--location",
        help="With --data-sync. original: onto the disks that it left there. alternate: new disks, a full "
        "copy, for when nothing of the old ones is left; the machine is made there.",
        show_default=False,
    ),
]
SyncStore = Annotated[
    str | None,
    typer.Option(
        "--store", help="With --data-sync: in which store of the appliance there.", show_default=False
    ),
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
    """How to reach the vault, as far as the command line tells."""

    url: str | None = None
    token_file: Path | None = None
    ca: Path | None = None


def connect(context: typer.Context) -> Vault:
    """The vault of this command; raises InvalidArgument or Unauthenticated naming what is missing."""
    access = context.ensure_object(Access)
    token = None if access.token_file is None else secret_in(access.token_file, "access token")
    return client.connect(access.url, token, access.ca)


def secret_in(file: Path, what: str) -> str:
    """The first line of a file, or of standard input for '-'. Raises InvalidArgument."""
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text()
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(f"The {what} in {file} cannot be read: {error}.") from error
    lines = text.split("\n")
    if not lines[0].strip():
        raise errors.InvalidArgument(f"There is no {what} in {file}.", do="Put it into the first line.")
    return lines[0].strip()


def refuse_secret(option: str, instead: str) -> Callable[[str | None], None]:
    """For an option that held a secret in an earlier release."""

    def refuse(given: str | None) -> None:
        if given is not None:
            raise errors.InvalidArgument(
                f"{option} is not accepted any more: every user of this host could read its value.",
                do=f"{instead} What you typed is in your shell's history: replace that secret.",
            )

    return refuse


def way(source: str | None, target: str | None) -> tuple[str, str] | None:
    """The two sites of a machine that is not protected; None for one that is. Raises InvalidArgument if
    one was given."""
    if source is not None and target is not None:
        return source, target
    if source is None and target is None:
        return None
    raise errors.InvalidArgument(
        "One of --source and --target was given.",
        do="Give both for a machine that is not protected, and none for one that is.",
    )
