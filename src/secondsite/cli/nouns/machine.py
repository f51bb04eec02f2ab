"""secondsite machine ..."""

from typing import Annotated

import typer

from ...wire import rest
from .. import output, verbs
from ..options import Json, MachineName, connect
from ..output import clock, percent, size, span

app = typer.Typer(no_args_is_help=True, help="Machines: what is protected, how well, and every verb on them.")
verbs.register(app)


def _replication(machine: rest.MachineShape) -> str:
    if machine.sync_fraction is not None:
        return f"{machine.sync_mode} {percent(machine.sync_fraction)}"
    return f"RPO {span(machine.rpo_seconds)}" if machine.rpo_seconds is not None else "-"


@app.command("list")
def show_list(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    discover: Annotated[
        bool, typer.Option(help="Ask the sites for machines that are not protected too.")
    ] = True,
    as_json: Json = False,
) -> None:
    """All machines: protected ones, and those that could be."""
    with connect(context) as client:
        machines = client.machines(site, discover)
    if as_json:
        output.show_json(machines)
        return
    output.show_table(
        machines,
        (
            ("name", lambda m: m.name),
            ("state", lambda m: m.state),
            ("health", lambda m: m.health),
            ("runs at", lambda m: m.active_site),
            ("replica at", lambda m: m.target_site if m.active_site != m.target_site else m.source_site),
            ("replication", _replication),
            ("points", lambda m: m.point_count or "-"),
            ("drill", lambda m: m.drill if m.drill != "none" else "-"),
        ),
        "No machines. Connect a site's appliance first: secondsite appliance key --site SITE",
    )


@app.command()
def show(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """One machine: state, health, replication, and what is possible now."""
    with connect(context) as client:
        found = client.machine(machine)
    if as_json:
        output.show_json(found)
        return
    output.show_facts(_facts(found))
    for finding in found.findings:
        output.console.print(f"[yellow]![/] {finding.code}: ", end="")
        output.console.print(f"{finding.what} (since {clock(finding.since)})", markup=False)
    possible = ", ".join(verb.replace("_", "-") for verb in found.allowed_operations)
    output.console.print(f"possible now: {possible or 'nothing until the running job ends'}", soft_wrap=True)


def _facts(machine: rest.MachineShape) -> list[tuple[str, object]]:
    newest = machine.newest_point
    return [
        ("name", machine.name),
        ("id", machine.id),
        ("state", machine.state),
        ("test failover", machine.drill),
        ("health", machine.health),
        ("source", machine.source_site),
        ("target", machine.target_site),
        ("runs at", f"{machine.active_site} ({machine.power})" if machine.power else machine.active_site),
        ("direction", machine.direction),
        ("policy", machine.policy),
        ("RPO", f"{span(machine.rpo_seconds)} usable, {span(machine.rpo_sent_seconds)} sent"),
        ("newest point", f"{newest.id} ({newest.consistency})" if newest else None),
        ("points", machine.point_count),
        ("runs from point", machine.failed_over_point_id),
        ("pass over disks", percent(machine.sync_fraction) if machine.sync_fraction is not None else None),
        ("last cycle", _cycle(machine)),
        ("sent in all", size(machine.total_wire_bytes)),
        ("waits in inbox", size(machine.inbox_bytes)),
        ("store", size(machine.store_bytes)),
        ("running job", machine.job_id),
    ]


def _cycle(machine: rest.MachineShape) -> str | None:
    if machine.last_cycle_seconds is None:
        return None
    changed, wire = size(machine.last_cycle_changed_bytes), size(machine.last_cycle_wire_bytes)
    return f"{changed} changed, {wire} sent in {span(machine.last_cycle_seconds)}"
