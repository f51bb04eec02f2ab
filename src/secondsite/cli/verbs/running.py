"""Start a verb for the machines given, and follow its job to its end."""

from collections.abc import Callable, Sequence
from typing import NoReturn

import typer

from ...client import JobHandle
from ...client.nouns.verbs import Verbs
from .. import follow
from ..options import connect


def run(
    context: typer.Context,
    machines: Sequence[str],
    begin: Callable[[Verbs], JobHandle],
    no_wait: bool,
    as_json: bool,
) -> NoReturn:
    """Ends the command with the exit code that the job's end means."""
    with connect(context) as vault:
        ended = follow.to_its_end(vault, begin(vault.machines[tuple(machines)]), no_wait, as_json)
    raise typer.Exit(ended)
