"""secondsite vault adopt: first what would come of it, then the same in earnest."""

import sys
from typing import Annotated

import typer

from .. import output
from ..options import Json, connect
from . import adoption_report


def adopt(
    context: typer.Context,
    appliance: Annotated[
        str,
        typer.Argument(
            help="Name or id of the appliance that has them.", metavar="APPLIANCE", show_default=False
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be adopted, and what is missing.")
    ] = False,
    other_site: Annotated[
        str | None,
        typer.Option(
            "--other-site",
            metavar="SITE",
            help="Name for the other site, if nobody kept it; 'lost' by default.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take over the machines of a vault that is gone, with points, settings and plans, from an appliance that has them. Repeat it as you
    like, and for each appliance."""
    with connect(context) as vault:
        handle = vault.appliances[appliance]
        if dry_run or (sys.stdin.isatty() and not yes):
            would = handle.adopt(dry_run=True, other_site=other_site)
            if not (as_json and dry_run):
                adoption_report.show(would)
            if dry_run:
                if as_json:
                    output.show_json(would)
                return
            typer.confirm("Adopt?", abort=True, err=True)
        done = handle.adopt(other_site=other_site)
    if as_json:
        output.show_json(done)
    else:
        adoption_report.show(done)
