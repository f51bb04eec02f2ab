"""The verb that has another host of the site take a machine's replica over."""

from typing import Annotated

import typer

from ...wire import rest
from ..options import Json, MachineNames, NoWait
from ..risk import Yes
from .confirming import Confirmation, run


def move_replica(
    context: typer.Context,
    machines: MachineNames,
    target_appliance: Annotated[
        str | None,
        typer.Option("--target-appliance", help="The appliance that takes it over; else the best fit."),
    ] = None,
    host_is_gone: Annotated[
        bool,
        typer.Option(
            "--host-is-gone",
            help="The present host is off for good: a machine that was failed over to it starts elsewhere.",
        ),
    ] = False,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Have another host of the site take over a machine's replica, in a store that both reach: before the
    present host is taken away, or after it died."""
    about = Confirmation(
        lambda them: them.move_replica(target_appliance, host_is_gone=host_is_gone),
        lambda it: _told(it, target_appliance, is_gone=host_is_gone),
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)


def _told(machine: rest.Machine, target_appliance: str | None, *, is_gone: bool) -> str:
    to = target_appliance or f"another host of {machine.target_site}"
    gone = (
        " If it was failed over, it starts there: two copies run if its host is not off." if is_gone else ""
    )
    return f"its replica is taken over by {to}; the files stay where they are.{gone}"
