"""secondsite vault join: one more process of a vault, at its host."""

from pathlib import Path
from typing import Annotated

import typer

from ..cli import output
from ..cli.options import Json
from . import database_url as address
from . import service_user
from .running import DEFAULT_VAULT_HOME, VaultHome


def vault_join(
    context: typer.Context,
    pki: Annotated[Path, typer.Option(help="A copy of the folder 'pki' of the first host's home.")],
    host: Annotated[list[str], typer.Option(help="Names and addresses that others reach this process by.")],
    database_url: Annotated[
        str | None,
        address.option("The database of the vault: 'database_url' in the first host's vault.json."),
    ] = None,
    database_url_file: address.DatabaseUrlFile = None,
    home: VaultHome = DEFAULT_VAULT_HOME,
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rest_port: Annotated[int, typer.Option(help="Port of the REST API.")] = 8443,
    control_port: Annotated[int, typer.Option(help="Port that appliances dial.")] = 8444,
    as_json: Json = False,
) -> None:
    """Make one more process of a vault on PostgreSQL, on another host. Sites, machines and tokens are
    those of the vault."""
    from . import join

    place = join.Place(tuple(host), listen, rest_port, listen, control_port)
    url = address.required(address.chosen(context, database_url, database_url_file))
    made = join.join(home, pki, url, place)
    if as_json:
        output.show_json({"home": str(home), "id": made.id})
        return
    print(f"a process of the vault '{made.name}' is made; appliances learn of it when it runs")
    print(f"next: {service_user.to_start('vault', home)}")
