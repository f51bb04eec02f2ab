"""secondsite group ..."""

from typing import Annotated

import typer

from ...domain.amounts import span
from ...wire import rest
from .. import output, risk
from ..amount_options import whole_seconds
from ..former_words import Noun
from ..options import Json, MachineNames, connect
from ..output import clock

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Replication groups: machines with common recovery points."
)
Name = Annotated[str, typer.Argument(help="Name of the group.", metavar="GROUP", show_default=False)]
FirstMachines = Annotated[
    list[str] | None, typer.Argument(help="Names or ids of its first machines.", metavar="[MACHINE]...")
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All groups, with the newest common point of each."""
    with connect(context) as vault:
        groups = vault.groups.list()
    if as_json:
        output.show_json(groups)
        return
    output.show_table(
        groups,
        (
            ("name", lambda g: g.name),
            ("source", lambda g: g.source_site),
            ("target", lambda g: g.target_site),
            ("every", lambda g: span(g.multi_vm_every_seconds)),
            ("app", lambda g: "yes" if g.app_consistent else "no"),
            ("newest common point", lambda g: clock(g.newest_set_at)),
            ("machines", lambda g: ", ".join(g.machines)),
        ),
        "No groups: secondsite group create NAME MACHINE... --source SITE --target SITE",
    )


@app.command()
def show(context: typer.Context, group: Name, as_json: Json = False) -> None:
    """A group: its machines, and the newest common point that all of them have."""
    with connect(context) as vault:
        _shown(vault.groups[group].show(), as_json)


@app.command()
def create(
    context: typer.Context,
    group: Name,
    source: Annotated[str, typer.Option(help="Site where the machines run.", show_default=False)],
    target: Annotated[str, typer.Option(help="Site that they replicate to.", show_default=False)],
    machines: FirstMachines = None,
    every: Annotated[
        int,
        typer.Option(
            parser=whole_seconds,
            help="From one common point to the next: 60s, 5m.",
            metavar="SPAN",
            show_default="60s",
        ),
    ] = 60,
    app_consistent: Annotated[
        bool, typer.Option(help="Also freeze the guests, as often as the machines' policies ask for it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create a group; its machines get common points from now on."""
    with connect(context) as vault:
        made = vault.groups.create(
            group,
            source,
            target,
            machines or (),
            multi_vm_every_seconds=every,
            app_consistent=app_consistent,
        )
    _shown(made, as_json)


@app.command()
def add(context: typer.Context, group: Name, machines: MachineNames, as_json: Json = False) -> None:
    """Add machines to a group. They must replicate in the same direction as its other machines."""
    with connect(context) as vault:
        _shown(vault.groups[group].add(*machines), as_json)


@app.command()
def remove(context: typer.Context, group: Name, machines: MachineNames, as_json: Json = False) -> None:
    """Remove machines from a group; they stay protected and keep their points."""
    with connect(context) as vault:
        _shown(vault.groups[group].remove(*machines), as_json)


@app.command()
def delete(context: typer.Context, group: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a group; its machines stay protected, each by itself."""
    risk.accept_deletion("group", group, yes)
    with connect(context) as vault:
        vault.groups[group].delete()
    output.show_deleted("group", group, as_json)


def _shown(group: rest.Group, as_json: bool) -> None:
    if as_json:
        output.show_json(group)
        return
    names = ", ".join(group.machines) or "none yet"
    newest = f"{group.newest_set}, taken {clock(group.newest_set_at)}" if group.newest_set else "none yet"
    output.say(f"group {group.name}: {group.source_site} to {group.target_site}, machines: {names}")
    output.say(f"a common point every {span(group.multi_vm_every_seconds)}; newest: {newest}")
    if group.app_consistent:
        output.say(f"newest app-consistent one: {group.newest_app_set or 'none yet'}")
