"""secondsite vault ca ...: the vault's certificate authority is replaced by another one. All but 'fetch'
at the vault's own host."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..cli import output
from ..cli.options import Json, connect
from ..cli.output import clock
from ..ground import durable
from .running import DEFAULT_VAULT_HOME, VaultHome

if TYPE_CHECKING:
    from .vault_ca import RotationState

app = typer.Typer(
    no_args_is_help=True, help="The vault's certificate authority, and its replacement by another one."
)

LeaveBehind = Annotated[
    bool,
    typer.Option(
        "--leave-behind", help="Do not wait for appliances that are away: they must be enrolled again."
    ),
]
COLUMNS: Sequence[output.Column] = (
    ("appliance", lambda each: each.name),
    ("site", lambda each: each.site),
    ("connection", lambda each: "connected" if each.connected else "away"),
    ("trusts all these CAs", lambda each: "yes" if each.trusts_all else "no"),
    ("certificate of the issuing CA", lambda each: "yes" if each.has_new else "no"),
)
NEXT = {
    "resting": "nothing: no rotation is under way",
    "both-trusted": "start the vault again; fetch the CAs where people work; then: secondsite vault ca switch",  # noqa: E501
    "switched": "start the vault again; once all appliances have new certificates: secondsite vault ca drop",
}


@app.command()
def show(home: VaultHome = DEFAULT_VAULT_HOME, as_json: Json = False) -> None:
    """Which CAs are trusted, and how far the appliances have come."""
    from . import vault_ca

    _show(vault_ca.look(home), as_json)


@app.command()
def rotate(home: VaultHome = DEFAULT_VAULT_HOME, as_json: Json = False) -> None:
    """Make a new CA, which is trusted beside the present one. The vault follows at its next start."""
    from . import vault_ca

    _show(vault_ca.rotate(home), as_json)


@app.command()
def switch(
    home: VaultHome = DEFAULT_VAULT_HOME, leave_behind: LeaveBehind = False, as_json: Json = False
) -> None:
    """Let the new CA issue all certificates. Before, all appliances must trust it."""
    from . import vault_ca

    _show(vault_ca.switch(home, leave_behind), as_json)


@app.command()
def drop(
    home: VaultHome = DEFAULT_VAULT_HOME, leave_behind: LeaveBehind = False, as_json: Json = False
) -> None:
    """Trust the former CA no more. Before, all appliances must have certificates of the new one."""
    from . import vault_ca

    _show(vault_ca.drop(home, leave_behind), as_json)


@app.command()
def fetch(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(help="The file that --ca or SECONDSITE_CA names.", metavar="FILE")],
) -> None:
    """Write the CAs that the vault trusts now, fetched over a connection that the present file vouches
    for."""
    with connect(context) as vault:
        info = vault.show()
    durable.write(to, info.trusted_ca_pem, mode=0o644)
    output.say(f"{to} holds {info.trusted_ca_pem.count('BEGIN CERTIFICATE')} CA certificates")


def _show(found: "RotationState", as_json: bool) -> None:
    standing = found.standing
    if as_json:
        trusted = {
            "phase": standing.phase.value,
            "trusted": standing.trusted,
            "ends_at": standing.ends_at.isoformat(),
        }
        output.show_json({**trusted, "appliances": [dataclasses.asdict(each) for each in found.appliances]})
        return
    output.show_facts(
        (
            ("rotation", standing.phase.value),
            ("issues", standing.trusted[0]),
            ("also trusted", ", ".join(standing.trusted[1:]) or "-"),
            ("ends", clock(standing.ends_at)),
        )
    )
    output.show_table(found.appliances, COLUMNS, "No appliances.")
    output.say(f"next: {NEXT[standing.phase.value]}")
