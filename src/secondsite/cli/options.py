"""Options that every command shares, and where a command line finds its vault.

`secondsite vault init` leaves `client.json` (url, token file, CA file) in the vault's home; SECONDSITE_CLIENT names it,
else ~/.config/secondsite/client.json. --url, --token and --ca, or SECONDSITE_URL, SECONDSITE_TOKEN and SECONDSITE_CA,
come first.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ..client import VaultClient
from ..domain import errors

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of a table.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return when the job is accepted; follow it later.")]
MachineNames = Annotated[
    list[str], typer.Argument(help="Names or ids of machines.", metavar="MACHINE", show_default=False)
]
MachineName = Annotated[
    str, typer.Argument(help="Name or id of a machine.", metavar="MACHINE", show_default=False)
]


@dataclass(slots=True)
class Access:
    """How to reach the vault, as far as the command line says."""

    url: str | None = None
    token: str | None = None
    ca: Path | None = None


def default_file() -> Path:
    return Path(os.environ.get("SECONDSITE_CLIENT", "~/.config/secondsite/client.json")).expanduser()


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(
            f"{path} cannot be read: {error}.", do="Mend or remove that file."
        ) from error
    return found


def connect(context: typer.Context) -> VaultClient:
    """A client for this command; raises InvalidArgument or Unauthenticated naming what is missing."""
    access = context.ensure_object(Access)
    stored = _from_file(default_file())
    url = access.url or stored.get("url")
    ca = access.ca or stored.get("ca")
    if not url or not ca:
        raise errors.InvalidArgument(
            "No vault is named.",
            do="Give --url, --token and --ca, or set SECONDSITE_CLIENT to the client.json of 'secondsite vault init'.",
        )
    return VaultClient(url, access.token or _stored_token(stored), Path(ca))


def _stored_token(stored: dict[str, Any]) -> str:
    try:
        return Path(stored["token_file"]).read_text().strip()
    except KeyError:
        raise errors.Unauthenticated("No access token is given.") from None
    except OSError as error:
        raise errors.Unauthenticated(f"The token file cannot be read: {error}.") from error
