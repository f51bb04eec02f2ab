"""secondsite vault ... (what a client may ask; 'init' and 'run' are added where processes start)."""

import typer

from .. import output
from ..former_words import Noun
from ..options import Json, connect

app = typer.Typer(cls=Noun, no_args_is_help=True, help="The vault: the control plane.")


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """What the vault knows of itself, with its CA's fingerprint."""
    with connect(context) as vault:
        info = vault.show()
    if as_json:
        output.show_json(info)
        return
    output.show_facts(
        (
            ("name", info.name),
            ("version", info.version),
            ("database", info.database),
            ("CA fingerprint", info.ca_fingerprint),
            ("sites", str(info.sites)),
            ("appliances", str(info.appliances)),
            ("machines", str(info.machines)),
        )
    )
