"""From a verb's own options to its command: the machines, then --no-wait and --json, and the job followed to its end."""

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from .. import follow
from ..options import Json, MachineNames, NoWait, connect
from .confirming import Begin, Confirmed, ask


def command(verb: Callable[..., Begin | Confirmed]) -> Callable[..., NoReturn]:
    """The command of a verb: `verb` gives, from its own options, what begins the job for the machines named. The command
    ends with the exit code that the job's end means."""

    def run(
        context: typer.Context,
        machines: MachineNames,
        no_wait: NoWait = False,
        as_json: Json = False,
        **own: Any,
    ) -> NoReturn:
        given = verb(**own)
        with connect(context) as vault:
            if isinstance(given, Confirmed):
                ask(vault, tuple(machines), given)
            begin = given.begin if isinstance(given, Confirmed) else given
            ended = follow.to_its_end(vault, begin(vault.machines[tuple(machines)]), no_wait, as_json)
        raise typer.Exit(ended)

    return with_options_of(verb, run)


def with_options_of(verb: Callable[..., object], run: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """`run` under the verb's name, with its help and its options: they stand behind the first two of `run`, in place of its **own."""
    first, named, *rest, _own = inspect.signature(run).parameters.values()
    parameters = [first, named, *inspect.signature(verb).parameters.values(), *rest]
    # a command line's options are read from the function's signature
    run.__signature__ = inspect.Signature([each.replace(kind=each.KEYWORD_ONLY) for each in parameters])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__name__, run.__doc__ = verb.__name__, verb.__doc__
    return run
