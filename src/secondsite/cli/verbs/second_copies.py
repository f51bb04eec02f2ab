"""Asks before an unplanned failover of a running machine, which leaves two copies that write: a person who
wants that must name each machine.

A machine runs, as far as can be known, if its source's appliance is connected and says so. If the site cannot
be reached nobody can tell, and nothing is asked: that is the case for which the verb is made.
"""

import shlex
import sys
from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from ...client import Vault
from ...domain import advice, errors, power_states, shell
from ...domain.lifecycle import Verb
from ...ground.plural import counted
from ...wire import rest
from ...wire.common.machines import WRITES, PowerState
from .. import output

COPIED = frozenset({"started-without-vault", "record-is-behind", "source-running-after-failover"})
"""Findings of a machine that has a copy at its target already, or may have one."""
FEW = 20
"""Up to this many machines each is asked for separately; for more the list of all is read."""
WhileRunning = Annotated[
    list[str] | None,
    typer.Option(
        "--while-running",
        metavar="NAME",
        help="This machine (of a plan: this plan's machines) runs at its source and is to go on there, "
        "beside its copy; once for each. "
        "--yes does not stand for it.",
        show_default=False,
    ),
]


def accept(vault: Vault, names: Sequence[str], named: Collection[str]) -> None:
    """Require that each machine that runs at its source is named: in `named`, or typed at a terminal. Raises
    InvalidArgument if nobody can be asked, Abort for another word."""
    unnamed = [each for each in _running(vault, names) if not {each.name, each.id} & set(named)]
    if unnamed:
        _want([each.name for each in unnamed], " ".join(map(_risk, unnamed)), _instead(unnamed))


def accept_plan(vault: Vault, plan: rest.Plan, asked: rest.PlanPart, named: Collection[str]) -> None:
    """The same for the machines of a plan's run; the plan's name is typed for all of them. Raises as
    `accept`."""
    running = _running(vault, _asked_for(plan, asked))
    if running and plan.name not in named:
        risk = (
            f"{counted(len(running), 'machine')} of plan {plan.name} would be started twice. "
            f"{_risk(running[0])}"
        )
        moved = f"Move without loss: 'secondsite plan planned-failover {shell.arguments(plan.name)}'."
        _want([plan.name], risk, moved if all(map(_moves, running)) else _instead(running))


def warn_of_memory(vault: Vault, names: Sequence[str]) -> None:
    """Warn of machines whose memory is saved at their source, as last reported: their copies start without
    it."""
    for each in _machines(vault, names):
        if each.power is PowerState.SAVED and Verb.FAILOVER in each.allowed_operations:
            to = each.target_site or "the other site"
            output.warn(" ".join(power_states.stays_behind(each.name, each.source_site, to)))


def warn_of_memory_in_plan(vault: Vault, plan: rest.Plan, asked: rest.PlanPart) -> None:
    """The same for the machines of a plan's run."""
    warn_of_memory(vault, _asked_for(plan, asked))


def _asked_for(plan: rest.Plan, asked: rest.PlanPart) -> list[str]:
    return [
        each.id
        for number, group in enumerate(plan.groups, 1)
        for each in group.machines
        if number in (asked.groups or (number,))
        and each.state is not None  # its protection ended
        and not {each.id, each.name} & set(asked.leave_out)
    ]


def _moves(machine: rest.Machine) -> bool:
    return Verb.PLANNED_FAILOVER in machine.allowed_operations and not _is_copied(machine)


def _is_copied(machine: rest.Machine) -> bool:
    return any(each.code in COPIED for each in machine.findings)


def _instead(machines: Sequence[rest.Machine]) -> str:
    """What to type instead: one planned failover of all machines that it is possible for, and what leads out
    for each of the others."""
    quoted = shell.arguments(*(each.name for each in machines if _moves(each)))
    said = [f"Move without loss: 'secondsite machine planned-failover {quoted}'."] if quoted else []
    return " ".join([*said, *(_way_out(each) for each in machines if not _moves(each))])


def _way_out(machine: rest.Machine) -> str:
    site = machine.target_site or "the other site"
    of = advice.AdvisedMachine(machine.name, site, machine.state, machine.drill.state, fabric_id="")
    source = machine.source_site or "its site"
    return advice.before_a_second_copy(of, source, moves=False, copied=_is_copied(machine))


def _want(names: Sequence[str], risk: str, instead: str) -> None:
    if not sys.stdin.isatty():
        meant = " ".join(f"--while-running {shlex.quote(name)}" for name in names)
        raise errors.InvalidArgument(risk, do=f"{instead} If a second copy is meant, add: {meant}")
    output.warn(f"{risk} {instead}")
    for name in names:
        if typer.prompt(f"To start a second copy all the same, type the name '{name}'", err=True) != name:
            raise typer.Abort


def _risk(machine: rest.Machine) -> str:
    return (
        f"{machine.name} runs at {machine.source_site}, and will go on there: with its copy at "
        f"{machine.target_site} two of it will write, and what one of them writes is lost later."
    )


def _running(vault: Vault, names: Sequence[str]) -> list[rest.Machine]:
    connected = {(each.site, each.name) for each in vault.appliances.list() if each.connected}
    return [
        each
        for each in _machines(vault, names)
        if each.power in WRITES
        and Verb.FAILOVER in each.allowed_operations
        and (each.source_site, each.source_appliance) in connected
    ]


def _machines(vault: Vault, names: Sequence[str]) -> list[rest.Machine]:
    if len(names) <= FEW:
        return [vault.machines[name].show() for name in names]
    found = {key: each for each in vault.machines.list() for key in (each.name, each.id)}
    return [found[name] for name in names if name in found]
