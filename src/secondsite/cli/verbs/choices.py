"""Shows the points that a machine may be started from."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Annotated

import typer

from ...domain import errors, shell
from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...domain.points import RecoveryPointChoice
from ...wire.rest.choices import PlanChoice, RecoveryChoice, RecoveryChoices
from .. import output
from ..output import clock

WORDS: Mapping[str, Verb] = {
    each.value.replace("_", "-"): each
    for each in (Verb.FAILOVER, Verb.TEST_FAILOVER, Verb.CHANGE_RECOVERY_POINT, Verb.PLANNED_FAILOVER)
}
For = Annotated[
    str,
    typer.Option("--verb", help=f"What it is to be started for: {', '.join(WORDS)}.", metavar="VERB"),
]
Column = tuple[str, Callable[[tuple[str, str]], str]]


def verb_of(word: str) -> Verb:
    """The verb of this name. Raises InvalidArgument for a verb that does not start from a point."""
    found = WORDS.get(word.replace("_", "-"))
    if found is None:
        raise errors.InvalidArgument(
            f"No recovery point is chosen for '{word}'.", do=f"Give one of: {', '.join(WORDS)}."
        )
    return found


def show(rows: Iterator[tuple[str, str]], nothing: str) -> None:
    """Print choices, each with what it starts from."""
    columns: tuple[Column, ...] = (("choice", lambda row: row[0]), ("starts from", lambda row: row[1]))
    output.show_table(tuple(rows), columns, nothing)


def of_machine(found: RecoveryChoices) -> Iterator[tuple[str, str]]:
    for each in found.choices:
        yield each.choice, _said(each, found.machine)


def of_plan(choices: tuple[PlanChoice, ...]) -> Iterator[tuple[str, str]]:
    """For each choice the instants of all machines, and the greatest loss."""
    for each in choices:
        taken = sorted(machine.taken_at for machine in each.machines if machine.taken_at is not None)
        yield each.choice, f"{_instants(taken)}, loses {_loss(each.loses_seconds)}"


def _said(found: RecoveryChoice, machine: str) -> str:
    if found.choice is RecoveryPointChoice.CUSTOM:
        return f"the point that --point names: secondsite point list {shell.arguments(machine)}"
    taken = [] if found.taken_at is None else [found.taken_at]
    return f"{_instants(taken)}, loses {_loss(found.loses_seconds)}"


def _instants(taken: list[datetime]) -> str:
    if not taken:
        return "the last state"
    first, last = clock(taken[0]), clock(taken[-1])
    return first if first == last else f"{first} to {last}"


def _loss(seconds: float | None) -> str:
    return "nothing" if not seconds else f"{span(seconds)} at most"
