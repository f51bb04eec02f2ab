"""secondsite hook ..."""

from typing import Annotated

import typer

from ....domain.machines.hooks import HookMoment
from ....domain.plans.directions import Direction, FailoverKind
from ....wire.common.hooks import USUAL_SECONDS, MachineHook
from ....wire.rest.machine_settings import MachineHooks
from ... import output
from ...former_words import Noun
from ...options import Json, MachineName, connect
from . import things

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Hooks of a machine: scripts of the sites that run by themselves when it is moved.",
)
HookName = Annotated[str, typer.Argument(help="Name of the hook.", metavar="HOOK", show_default=False)]


@app.command("list")
def show_list(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """Which scripts run when the machine is moved, in their order. Their output is in the tasks of its
    jobs."""
    with connect(context) as vault:
        found = vault.machines[machine].hooks()
    _show(found, as_json)


@app.command("set")
def change(
    context: typer.Context,
    machine: MachineName,
    name: HookName,
    script: Annotated[
        str,
        typer.Option(
            help="Name of the file in the script folder of the appliance where the machine runs then."
        ),
    ],
    moment: Annotated[
        HookMoment, typer.Option(help="After the machine was started, or before it is stopped.")
    ],
    kind: Annotated[
        list[FailoverKind] | None,
        typer.Option(help="Only for this kind of failover; once for each.", show_default=False),
    ] = None,
    direction: Annotated[
        list[Direction] | None,
        typer.Option(
            help="Only when the machine goes this way, away from home or home; once for each.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds after which it is killed.")] = USUAL_SECONDS,
    stops: Annotated[
        bool,
        typer.Option(
            "--stops", help="Of before_stop: a planned failover stops if it fails, and the machine runs on."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Set a hook, or replace the one of that name: 'secondsite hook set web01 give --moment after_start
    --script address'. Counts for verbs that are started from then on. Refused if somebody changes the hooks
    meanwhile."""
    wanted = things.made(
        MachineHook,
        "hook",
        name=name,
        script=script,
        moment=moment,
        kinds=tuple(dict.fromkeys(kind or FailoverKind)),
        directions=tuple(dict.fromkeys(direction or Direction)),
        timeout_seconds=timeout,
        stops=stops,
    )
    with connect(context) as vault:
        handle = vault.machines[machine]
        seen = handle.hooks()
        _show(handle.set_hooks(things.put(seen.hooks, wanted), seen=seen), as_json)


@app.command("clear")
def clear(
    context: typer.Context,
    machine: MachineName,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the hook; all without it.", metavar="HOOK", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run it no longer; without a name nothing runs any more: secondsite hook clear web01 give."""
    with connect(context) as vault:
        handle = vault.machines[machine]
        seen = handle.hooks()
        kept = things.without(seen.hooks, name, noun="hook", machine=seen.name)
        _show(handle.set_hooks(kept, seen=seen), as_json)


def _show(found: MachineHooks, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found.hooks,
        (
            ("hook", lambda h: h.name),
            ("script", lambda h: h.script),
            ("moment", lambda h: h.moment),
            ("kinds", lambda h: _all_or(h.kinds, FailoverKind)),
            ("directions", lambda h: _all_or(h.directions, Direction)),
            ("within", lambda h: f"{h.timeout_seconds:g} s"),
            ("if it fails", lambda h: "stops a planned failover" if h.stops else "told"),
        ),
        f"No script runs when {found.name} is moved.",
    )


def _all_or(named: tuple[str, ...], every: type[FailoverKind] | type[Direction]) -> str:
    return "all" if set(named) == set(every) else ", ".join(named)
