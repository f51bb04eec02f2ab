"""secondsite machine ..."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ...domain import health
from ...wire import rest
from ...wire.replication import FindingShape
from .. import amounts, output, remembered, rpo_plot, verbs
from ..options import Json, MachineName, connect
from ..output import clock, percent, size, span

app = typer.Typer(no_args_is_help=True, help="Machines: what is protected, how well, and every verb on them.")
verbs.register(app)


REPLICATES = {"enabling", "initial_replicating", "protected", "reprotecting", "planned_failing_over"}
"""States in which the age of the newest point says something."""


def _replication(machine: rest.MachineShape) -> str:
    if machine.state == "unprotected":
        return "-"
    if machine.state not in REPLICATES:
        return "stopped"
    if machine.sync_fraction is not None:
        return f"{machine.sync_mode} {percent(machine.sync_fraction)}"
    return f"RPO {span(machine.rpo_seconds)}" if machine.rpo_seconds is not None else "starting"


def _other_site(machine: rest.MachineShape) -> str | None:
    """Where the machine does not run: the replica is there, or the old machine."""
    return machine.target_site if machine.active_site != machine.target_site else machine.source_site


@app.command("list")
def show_list(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    discover: Annotated[
        bool, typer.Option(help="Ask the sites for machines that are not protected too.")
    ] = True,
    as_json: Json = False,
) -> None:
    """All machines: protected ones, and those that could be; of a site that cannot be asked, as it had them last."""
    with connect(context) as client:
        machines = client.machines(site)
        sites = client.discovered(site) if discover else []
    remembered.show(sites, as_json)
    machines += [machine for each in sites for machine in each.machines]
    if as_json:
        output.show_json(machines)
        return
    output.show_table(
        machines,
        (
            ("name", lambda m: m.name),
            ("state", lambda m: m.state),
            ("health", lambda m: m.health if m.health != "not_applicable" else "-"),
            ("runs at", lambda m: m.active_site),
            ("other site", _other_site),
            ("replication", _replication),
            ("points", lambda m: m.point_count or "-"),
            ("drill", lambda m: m.drill if m.drill != "none" else "-"),
            ("seen", lambda m: remembered.age(m.seen_at)),
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
        _show_finding(finding)
    possible = ", ".join(verb.replace("_", "-") for verb in found.allowed_operations)
    output.say(f"possible now: {possible or 'nothing until the running job ends'}")


@app.command()
def rpo(
    context: typer.Context,
    machine: MachineName,
    since: Annotated[str, typer.Option(help="How far back: 30min, 6h, 7d.")] = "1h",
    as_json: Json = False,
) -> None:
    """How old the newest recoverable instant was, every ten seconds; a week is kept."""
    with connect(context) as client:
        found = client.machine(machine)
        samples = client.rpo(machine, datetime.now(UTC) - amounts.span(since))
        policies = {} if as_json else {each.name: each.rpo_threshold_seconds for each in client.policies()}
    if as_json:
        output.show_json(samples)
    elif samples:
        for line in rpo_plot.lines(
            samples, policies.get(found.policy or ""), min(output.console.width, 120) - 12
        ):
            output.say(line)
    else:
        output.say(f"Nothing was measured of {found.name} since then; it is {found.state}.")


def _show_finding(finding: FindingShape) -> None:
    output.console.print(f"[yellow]![/] [bold]{finding.code}[/]: ", end="")
    output.say(f"{finding.what} (since {clock(finding.since)})")
    kind = health.CATALOGUE.get(finding.code)
    if kind is not None:
        output.say(f"  do: {kind.do}")


def _facts(machine: rest.MachineShape) -> list[tuple[str, object]]:
    return [*_what(machine), *_replicating(machine), ("running job", machine.job_id)]


def _what(machine: rest.MachineShape) -> list[tuple[str, object]]:
    return [
        ("name", machine.name),
        ("id", machine.id),
        ("state", machine.state),
        ("health", machine.health if machine.health != "not_applicable" else None),
        ("source", _at_source(machine)),
        ("target", machine.target_site),
        ("runs at", _runs_at(machine)),
        ("direction", machine.direction),
        ("policy", machine.policy),
        ("group", machine.group),
        ("disks", ", ".join(_disk(disk) for disk in machine.disks)),
        ("encryption", _encryption(machine)),
        ("test failover", _drill(machine)),
        ("last drill", _last_drill(machine)),
    ]


def _encryption(machine: rest.MachineShape) -> str | None:
    if machine.encryption_key_id is not None:
        return f"the replica is encrypted with key {machine.encryption_key_id}"
    return "new replicas are encrypted; the present one is plain" if machine.encrypted else None


def _replicating(machine: rest.MachineShape) -> list[tuple[str, object]]:
    if machine.target_site is None:
        return []
    newest = machine.newest_point
    replicates = machine.state in REPLICATES
    ages = {
        "usable": machine.rpo_seconds,
        "sent": machine.rpo_sent_seconds,
        "processed": machine.rpo_processed_seconds,
    }
    whole = f"{machine.sync_mode}, {percent(machine.sync_fraction)} done"
    return [
        ("replication", _replication(machine) if not replicates else None),
        ("RPO", ", ".join(f"{span(age)} {what}" for what, age in ages.items()) if replicates else None),
        ("whole disks", whole if machine.sync_fraction is not None else None),
        ("points", machine.point_count),
        ("newest point", f"{newest.id} ({newest.consistency})" if newest else None),
        ("journal", _journal(machine)),
        ("started from", machine.failed_over_from),
        ("last cycle", _cycle(machine) if replicates else None),
        ("sent in all", size(machine.total_wire_bytes)),
        ("waits in inbox", size(machine.inbox_bytes)),
        ("store", size(machine.store_bytes)),
    ]


def _journal(machine: rest.MachineShape) -> str | None:
    if not machine.journal:
        return None
    return f"{sum(each.cycles for each in machine.journal)} cycles beside the points, {size(machine.journal_bytes)}"


def _at_source(machine: rest.MachineShape) -> str:
    """The power is what the source's appliance said last: of the machine there, wherever it should run now."""
    if machine.power is None:
        return machine.source_site
    away = any(
        finding.code == "appliance-unreachable" and f"site {machine.source_site} " in finding.what
        for finding in machine.findings
    )
    return f"{machine.source_site} (machine {machine.power}{' when last heard of' if away else ''})"


def _runs_at(machine: rest.MachineShape) -> str | None:
    """Only what is known: at the source its appliance tells the power, at the target a job started it."""
    if machine.active_site == machine.target_site:
        return machine.active_site
    return (
        machine.active_site if machine.power in (None, "running", "paused") else f"nowhere: {machine.power}"
    )


def _disk(disk: dict[str, Any]) -> str:
    return f"{disk['key']} {size(disk['size_bytes'])}{'' if disk['protected'] else ' (left out)'}"


def _drill(machine: rest.MachineShape) -> str | None:
    if machine.drill == "none":
        return None
    return f"{machine.drill}, started from {machine.drill_from}" if machine.drill_from else machine.drill


def _last_drill(machine: rest.MachineShape) -> str | None:
    if not machine.drill_notes:
        return None
    last = max(machine.drill_notes, key=lambda note: str(note["completed_at"]))
    when = str(last["completed_at"])[:16].replace("T", " ")
    begin = last.get("started_from") or f"point {last['point_id']}"
    return f"{when}Z from {begin}" + (f": {last['notes']}" if last["notes"] else "")


def _cycle(machine: rest.MachineShape) -> str | None:
    if machine.last_cycle_seconds is None:
        return None
    changed, wire = size(machine.last_cycle_changed_bytes), size(machine.last_cycle_wire_bytes)
    return f"{changed} changed, {wire} sent in {span(machine.last_cycle_seconds)}"
