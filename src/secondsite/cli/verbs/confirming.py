"""Asks for confirmation before a verb starts, stops, moves or deletes something: a person at a terminal sees
what it will do, which way, and what that loses. A script gives --yes: without it nothing begins if nobody can
be asked. The common end of each verb's command starts the job then, and follows it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn

import typer

from ...client import JobHandle, Vault
from ...client.nouns.machines import MachineHandle
from ...client.nouns.verbs import Verbs
from ...domain import errors, lifecycle
from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...ground.plural import counted
from ...wire import rest
from .. import follow, output, risk
from ..options import connect
from ..output import clock
from . import predictions, properties, second_copies
from .instants import Start

SHOWN = 20
"""The most machines that are shown one by one; of more only their number is shown."""
BEHIND = "record-is-behind"
"""The finding of a machine whose failover the vault has forgotten."""
Begin = Callable[[Verbs], JobHandle]
Tell = Callable[[rest.Machine], str]
"""Tells what will happen to a machine."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a confirmation shows: what begins the job, and what will happen to each machine; with `start`,
    also what it would start from."""

    begin: Begin
    tell: Tell
    start: Start | None = None
    yes: bool = False
    verb: Verb | None = None
    """The verb whose time is predicted; None for no prediction."""
    more: Callable[[MachineHandle], str] | None = None
    """One more line about each machine."""
    after: Callable[[Vault, rest.Machine], str | None] | None = None
    """What follows by itself, if there is anything to say about that."""
    while_running: Sequence[str] | None = None
    """For a verb that leaves a running source running: the machines that are meant to run on beside their
    copies."""


def ask(vault: Vault, names: tuple[str, ...], about: Confirmation) -> Sequence[rest.Machine]:
    """Show what will happen and ask; gives the machines as they were shown, none if nobody is asked. Raises
    Abort if the answer is no, InvalidArgument if nobody can be asked, and the vault's error for a machine
    that cannot start from what was chosen."""
    seen: Sequence[rest.Machine] = ()
    if not about.yes:
        risk.require_somebody("What this does to machines")
        seen = _read(vault, names)
        for line in _lines(vault, names, seen, about):
            output.warn(line)
    if about.verb is Verb.FAILOVER:
        second_copies.warn_of_memory(vault, names)
    if about.while_running is not None:
        second_copies.accept(vault, names, about.while_running)
    if not about.yes:
        typer.confirm("Begin?", abort=True, err=True)
    return seen


def run(
    context: typer.Context, machines: Sequence[str], verb: Begin | Confirmation, no_wait: bool, as_json: bool
) -> NoReturn:
    """Start the job, follow it, and exit with the exit code for its end."""
    with connect(context) as vault:
        seen = ask(vault, tuple(machines), verb) if isinstance(verb, Confirmation) else ()
        begin = verb.begin if isinstance(verb, Confirmation) else verb
        chosen = vault.machines[tuple(machines)].as_read(*seen)
        ended = follow.to_its_end(vault, begin(chosen), no_wait, as_json)
    raise typer.Exit(ended)


def _read(vault: Vault, names: tuple[str, ...]) -> Sequence[rest.Machine]:
    if len(names) <= SHOWN:
        return [vault.machines[name].show() for name in names]
    present = {key: each for each in vault.machines for key in (each.name, each.id)}
    return [present[name] if name in present else vault.machines[name].show() for name in names]


def _lines(
    vault: Vault, names: tuple[str, ...], seen: Sequence[rest.Machine], about: Confirmation
) -> Iterator[str]:
    for name, machine in islice(zip(names, seen, strict=True), SHOWN):
        if about.verb is not None:
            lifecycle.require(about.verb, name, machine.state, machine.drill.state)
        if _may_take_over(machine, about):
            yield (
                f"{name}: a copy that stands on this point at {machine.target_site} is taken over as it is, "
                "with all that it wrote there. Only if there is none:"
            )
        yield f"{name}: {about.tell(machine)}{_from(vault, name, about.start)}"
        if about.verb is not None:
            found = vault.machines[name].predict(about.verb)
            yield f"{name}: {predictions.line(found)}"
            if found.hooks:
                yield f"{name}: {predictions.hooks(found.hooks)}; their time is not in that"
        if about.more is not None:
            yield f"{name}: {about.more(vault.machines[name])}"
        follows = about.after(vault, machine) if about.after is not None else None
        if follows is not None:
            yield f"{name}: {follows}"
    if len(names) > SHOWN:
        yield f"and {counted(len(names) - SHOWN, 'more machine')} likewise"


def _may_take_over(machine: rest.Machine, about: Confirmation) -> bool:
    """Whether the vault has forgotten a failover of the machine, whose point may be the chosen one."""
    named = about.verb is Verb.FAILOVER and about.start is not None and about.start.point is not None
    return named and any(each.code == BEHIND for each in machine.findings)


def _from(vault: Vault, name: str, start: Start | None) -> str:
    if start is None:
        return ""
    handle = vault.machines[name]
    seen = handle.preview(at=start.at) if start.at else handle.preview(start.choice, start.point)
    if seen.problem is not None:
        raise seen.problem.raised()
    if seen.point is None:
        raise errors.NotFound(f"Machine '{name}' has no recovery point.", do="Wait for its first one.")
    taken = seen.forward.taken_at if seen.forward else seen.point.taken_at
    loses = "" if seen.loses_seconds is None else f", loses {span(seen.loses_seconds)} at most"
    there = properties.described(seen.second_site)
    return f"; from {clock(taken)}{loses}{f', as {there}' if there else ''}"
