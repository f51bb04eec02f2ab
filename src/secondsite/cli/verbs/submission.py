"""The common end of each verb's command: starts the job and follows it to its end."""

from collections.abc import Sequence
from typing import NoReturn

import typer

from .. import follow
from ..options import connect
from .confirming import Begin, Confirmation, ask


def run(
    context: typer.Context, machines: Sequence[str], verb: Begin | Confirmation, no_wait: bool, as_json: bool
) -> NoReturn:
    """Start the job, follow it, and exit with the exit code for its end."""
    with connect(context) as vault:
        if isinstance(verb, Confirmation):
            ask(vault, tuple(machines), verb)
        begin = verb.begin if isinstance(verb, Confirmation) else verb
        ended = follow.to_its_end(vault, begin(vault.machines[tuple(machines)]), no_wait, as_json)
    raise typer.Exit(ended)
