"""secondsite machine ..."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from ...client.nouns.points import Points
from ...domain.amounts import size, span
from ...domain.points import Consistency
from ...ground.plural import counted
from ...wire import rest
from .. import amount_options, cached_inventory, follow, output, risk, rpo_plot, verbs
from ..former_words import Noun
from ..options import Json, MachineName, NoWait, connect
from ..output import clock, percent
from ..verbs import properties

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Machines: what is protected, how well, and every verb on them."
)
verbs.register(app)


REPLICATES = {"enabling", "initial_replicating", "protected", "reprotecting", "planned_failing_over"}
"""States in which the age of the newest point is meaningful."""


NOT_AT_TARGET = {
    "failed-over-machine-off": "nowhere: off",
    "failed-over-machine-missing": "nowhere: missing",
    "failed-over-machine-elsewhere": "elsewhere",
}
"""What is shown as the place where a machine runs, for findings that a failed-over machine does not run."""
MOVED = "failed-over-machine-moved"


def _replication(machine: rest.Machine) -> str:
    if machine.state == "unprotected":
        return "-"
    if machine.state not in REPLICATES:
        return "stopped"
    whole = machine.replication.synchronization
    if whole is not None:
        return f"{whole.mode} {percent(whole.fraction)}"
    return f"RPO {span(machine.rpo.seconds)}" if machine.rpo.seconds is not None else "starting"


def _other_site(machine: rest.Machine) -> str | None:
    """The site where the machine does not run: the replica is there, or the old machine."""
    return machine.target_site if machine.active_site != machine.target_site else machine.source_site


@app.command("list")
def show_list(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    search: Annotated[str | None, typer.Option(help="Only with this text in their names.")] = None,
    sort: Annotated[
        rest.MachineSort, typer.Option(help="What protected ones are sorted by, then by name.")
    ] = rest.MachineSort.NAME,
    descending: Annotated[bool, typer.Option("--descending", help="The other way round.")] = False,
    discover: Annotated[
        bool, typer.Option(help="Also ask the sites for machines that are not protected.")
    ] = True,
    as_json: Json = False,
) -> None:
    """All machines: protected ones, and those that could be; for a site that cannot be asked, the last
    known ones."""
    with connect(context) as vault:
        machines = list(vault.machines.list(site=site, search=search, sort=sort, descending=descending))
        sites = vault.machines.discovered(site) if discover else []
    cached_inventory.show(sites, as_json)
    machines += [each for of in sites for each in of.machines if _is_named(each.name, search)]
    if as_json:
        output.show_json(machines)
        return
    output.show_table(
        machines,
        (
            ("name", lambda m: m.name),
            ("state", lambda m: output.words(m.state)),
            ("health", lambda m: m.health if m.health != "not_applicable" else "-"),
            ("runs at", lambda m: runs_at(m) if m.target_site else m.active_site),
            ("other site", _other_site),
            ("replication", _replication),
            ("points", lambda m: m.points.count or "-"),
            ("drill", lambda m: output.words(m.drill.state) if m.drill.state != "none" else "-"),
            ("seen", lambda m: cached_inventory.age(m.seen_at)),
        ),
        _none(site, search),
    )


def _is_named(name: str, search: str | None) -> bool:
    return search is None or search.casefold() in name.casefold()


def _none(site: str | None, search: str | None) -> str:
    where = f" of site {site}" if site else ""
    if search is not None:
        return f"No machine{where} has '{search}' in its name."
    return (
        f"No machines{where}. Those of a hypervisor are here once its appliance is connected: 'secondsite "
        "appliance list' shows whether it is, 'secondsite appliance create-registration-key --site SITE' "
        "lets one enroll."
    )


@app.command()
def show(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """One machine: state, health, replication, and what is possible now."""
    with connect(context) as vault:
        handle = vault.machines[machine]
        found = handle.show()
        newest = _newest(handle.points) if found.points.count and not as_json else {}
    if as_json:
        output.show_json(found)
        return
    output.show_facts([*_facts(found), *newest.items()])
    for finding in found.findings:
        _show_finding(found.name, finding)
    possible = ", ".join(verb.replace("_", "-") for verb in found.allowed_operations)
    output.say(f"possible now: {possible or 'nothing until the running job ends'}")
    _show_refused(found.refused_operations)


@app.command()
def start_anyway(
    context: typer.Context,
    machine: MachineName,
    site: Annotated[
        str,
        typer.Option("--site", help="Where the old copy is: the site that the machine was failed over from."),
    ],
    yes: risk.Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Start the old copy of a failed-over machine, once, although that is forbidden: two copies may run
    then."""
    risk.accept_two_copies(machine, yes)
    with connect(context) as vault:
        job = vault.machines[machine].start_anyway(site, accept_two_copies=True)
        ended = follow.to_its_end(vault, job, no_wait, as_json)
    raise typer.Exit(ended)


@app.command()
def rpo(
    context: typer.Context,
    machine: MachineName,
    since: Annotated[
        float,
        typer.Option(
            parser=amount_options.seconds,
            help="How far back: 30m, 6h, 7d.",
            metavar="SPAN",
            show_default="1h",
        ),
    ] = 3600,
    as_json: Json = False,
) -> None:
    """How old the newest recoverable instant was, measured every ten seconds; a week is kept."""
    with connect(context) as vault:
        found = vault.machines[machine].show()
        samples = vault.machines[machine].rpo(datetime.now(UTC) - timedelta(seconds=since))
        policies = {} if as_json else {each.name: each.rpo_threshold_seconds for each in vault.policies}
    if as_json:
        output.show_json(samples)
    elif samples:
        for line in rpo_plot.lines(
            samples, policies.get(found.policy or ""), min(output.console.width, 120) - 12
        ):
            output.say(line)
    else:
        output.say(f"Nothing was measured of {found.name} since then; it is {output.words(found.state)}.")


@app.command()
def churn(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """What the machine wrote between its recovery points, as far as they reach back."""
    with connect(context) as vault:
        found = vault.machines[machine].churn()
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found,
        (
            ("until", lambda each: clock(each.at)),
            ("within", lambda each: span(each.seconds)),
            ("written", lambda each: size(each.changed_bytes)),
            ("a second", lambda each: size(each.changed_bytes / each.seconds)),
        ),
        f"{machine} has fewer than two recovery points.",
    )


def _show_refused(refused: Sequence[rest.RefusedOperation]) -> None:
    """Show verbs that are not possible; those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for each in refused:
        by_reason.setdefault(f"{each.why} {each.do}", []).append(each.operation.replace("_", "-"))
    for reason, verbs_ in by_reason.items():
        output.say(f"not now: {', '.join(verbs_)}: {output.as_typed(reason)}")


def _show_finding(name: str, finding: rest.Finding) -> None:
    output.console.print(
        Text.assemble(("!", "yellow"), " ", (output.plain(finding.code), "bold"), ": "), end=""
    )
    said = f"{finding.said_by} says: " if finding.said_by else ""
    output.say(f"{said}{finding.what} (since {clock(finding.since)})")
    output.say(f"  do: {output.about(name, finding.do)}")


def _newest(points: Points) -> dict[str, object]:
    """The newest point of each kind that a failover can ask for, if it is not the newest of all (S-064)."""
    found = {
        "app-consistent": points.list(consistency=Consistency.APP, damaged=False, page_size=1),
        "verified": points.list(proven=True, damaged=False, page_size=1),
    }
    newest = {kind: next(of_kind, None) for kind, of_kind in found.items()}
    return {f"newest {kind}": f"{point.id} ({point.grade})" for kind, point in newest.items() if point}


def _facts(machine: rest.Machine) -> list[tuple[str, object]]:
    return [*_what(machine), *_replicating(machine), ("running job", machine.job_id)]


def _what(machine: rest.Machine) -> list[tuple[str, object]]:
    return [
        ("name", machine.name),
        ("id", machine.id),
        ("state", output.words(machine.state)),
        ("health", machine.health if machine.health != "not_applicable" else None),
        ("source", _at_source(machine)),
        ("target", machine.target_site),
        ("appliances", _appliances(machine)),
        ("runs at", runs_at(machine)),
        ("addresses", _addresses(machine)),
        ("direction", machine.direction),
        ("policy", machine.policy),
        ("group", machine.group),
        ("disks", ", ".join(_disk(disk) for disk in machine.disks)),
        ("system disk", _system_disk(machine)),
        ("at the second site", _at_second_site(machine)),
        ("encryption", _encryption(machine)),
        ("test failover", _drill(machine)),
        ("last drill", _last_drill(machine)),
        ("last booted point", _booted(machine.booted) if machine.booted else None),
    ]


def _appliances(machine: rest.Machine) -> str | None:
    if machine.target_site is None:
        return None
    kept = machine.kept
    host = f" on host {kept.host}" if kept.host else ""
    store = f", store {kept.store}" if kept.store else ""
    at_target = f"{machine.target_appliance or 'deleted'}{host}{store} at the target"
    return f"{machine.source_appliance or 'deleted'} at the source, {at_target}"


def _encryption(machine: rest.Machine) -> str | None:
    if machine.encryption.key_id is not None:
        return f"the replica is encrypted with key {machine.encryption.key_id}"
    return "new replicas are encrypted; the present one is plain" if machine.encryption.wanted else None


def _replicating(machine: rest.Machine) -> list[tuple[str, object]]:
    if machine.target_site is None:
        return []
    newest, whole = machine.points.newest, machine.replication.synchronization
    replicates = machine.state in REPLICATES
    ages = {
        "usable": machine.rpo.seconds,
        "sent": machine.rpo.sent_seconds,
        "processed": machine.rpo.processed_seconds,
    }
    return [
        ("replication", _replication(machine) if not replicates else None),
        ("RPO", ", ".join(f"{span(age)} {what}" for what, age in ages.items()) if replicates else None),
        ("whole disks", _pass(whole, machine.rpo.seconds) if whole else None),
        ("view", _view(machine.replication.view) if replicates else None),
        ("rolling scan", _rolling_scan(machine.replication.rolling_scan) if replicates else None),
        ("points", machine.points.count),
        ("newest point", f"{newest.id} ({newest.kind})" if newest else None),
        ("journal", _journal(machine)),
        ("started from", machine.failover.what if machine.failover else None),
        ("last cycle", _cycle(machine) if replicates else None),
        ("sent in all", size(machine.replication.total_wire_bytes)),
        ("waits in inbox", size(machine.replication.inbox_bytes)),
        ("store", size(machine.replication.store_bytes)),
    ]


def _pass(whole: rest.Synchronization, rpo_seconds: float | None) -> str:
    done = f"{whole.mode}, {percent(whole.fraction)} done"
    if whole.seconds_left is None:
        return done
    left = f"{done}, about {span(whole.seconds_left)} left"
    if rpo_seconds is None:
        return left
    return f"{left}; the RPO is about {span(rpo_seconds + whole.seconds_left)} by then"


def _view(view: rest.RunningView | None) -> str | None:
    if view is None:
        return None
    return view.kind if view.reason is None else f"{view.kind}: {view.reason}"


def _rolling_scan(scan: rest.RollingScan | None) -> str | None:
    if scan is None:
        return None
    ended = f"the last whole pass ended {clock(scan.ended_at)}" if scan.ended_at else "no whole pass yet"
    return f"{percent(scan.fraction)} of this pass; {ended}"


def _journal(machine: rest.Machine) -> str | None:
    if not machine.journal.stretches:
        return None
    cycles = sum(each.cycles for each in machine.journal.stretches)
    return f"{counted(cycles, 'cycle')} beside the points, {size(machine.journal.bytes)}"


def _at_source(machine: rest.Machine) -> str:
    """The machine's power at the source, as the source's appliance last reported it, wherever it should run
    now. Of a machine that runs at its target no finding says that its source does not answer."""
    if machine.power is None:
        return machine.source_site
    away = machine.active_site == machine.target_site or any(
        finding.code == "appliance-unreachable" and f"site {machine.source_site} " in finding.what
        for finding in machine.findings
    )
    return f"{machine.source_site} (machine {machine.power}{' when last heard of' if away else ''})"


def _addresses(machine: rest.Machine) -> str | None:
    seen = machine.addresses
    return f"{', '.join(seen.addresses)} (seen {clock(seen.at)})" if seen is not None else None


def runs_at(machine: rest.Machine) -> str | None:
    """The site where the machine runs, as far as is known: the source's appliance reports its power; at the
    target it runs since a job started it, unless the appliance there reports otherwise."""
    codes = [each.code for each in machine.findings]
    told = next(filter(None, map(NOT_AT_TARGET.get, codes)), None)
    if machine.active_site == machine.target_site:
        return told or machine.active_site
    if machine.power in (None, "running", "paused"):
        return machine.active_site
    return told or (machine.target_site if MOVED in codes else f"nowhere: {machine.power}")


def _disk(disk: rest.Disk) -> str:
    return f"{disk.key} {size(disk.size_bytes)}{'' if disk.protected else ' (left out)'}"


def _system_disk(machine: rest.Machine) -> str | None:
    if not machine.disks:
        return None
    boots = [disk.key for disk in machine.disks if disk.system]
    return boots[0] if boots else "not known: its definition does not say which disk it boots from"


def _at_second_site(machine: rest.Machine) -> str | None:
    return properties.described(machine.second_site) if machine.second_site is not None else None


def _drill(machine: rest.Machine) -> str | None:
    drill = machine.drill
    if drill.state == "none":
        return None
    if drill.open is None:
        return output.words(drill.state)
    proven = f"; proof: {drill.open.proven}" if drill.open.proven else ""
    return (
        f"{output.words(drill.state)} since {clock(drill.open.started_at)}, started from "
        f"{drill.open.what}{proven}"
    )


def _last_drill(machine: rest.Machine) -> str | None:
    if not machine.drill.notes:
        return None
    last = max(machine.drill.notes, key=lambda note: note.completed_at)
    when = f"{last.completed_at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    said = f" ({last.verdict})" if last.verdict else ""
    return f"{when} from {last.what}{said}" + (f": {last.notes}" if last.notes else "")


def _booted(booted: rest.BootedPoint) -> str:
    if booted.looked_at is None:
        return f"none yet: {booted.said}"
    said = f" ({booted.verdict})" if booted.verdict else ""
    return f"{booted.looked_at.astimezone(UTC):%Y-%m-%d %H:%M}Z from {booted.point_id}{said}: {booted.said}"


def _cycle(machine: rest.Machine) -> str | None:
    cycle = machine.replication.last_cycle
    if cycle is None:
        return None
    return f"{size(cycle.changed_bytes)} changed, {size(cycle.wire_bytes)} sent in {span(cycle.seconds)}"
