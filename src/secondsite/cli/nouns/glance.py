"""secondsite vault overview, and follow: everything at a glance."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from ...domain.amounts import size, span
from ...domain.health import Health
from ...domain.lifecycle import State
from ...ground.plural import counted
from ...wire.rest.glance.job_rows import JobRow
from ...wire.rest.glance.live import LiveBatch
from ...wire.rest.glance.machine_rows import MachineRow
from ...wire.rest.glance.overview import JobsOverview, Need, Overview, Readiness, RpoOverview, StoreForecast
from .. import output
from ..options import Json, connect
from ..output import clock

Facts = Iterator[tuple[str, str | None]]


def overview(context: typer.Context, as_json: Json = False) -> None:
    """What needs somebody now, how fresh and how ready everything is, and what is under way."""
    with connect(context) as vault:
        found = vault.overview()
    if as_json:
        output.show_json(found)
    else:
        output.show_facts([*_facts(found)])


def _facts(found: Overview) -> Facts:
    yield "machines", f"{found.machines}: {_counts(found.by_state)}; {_counts(found.by_health)}"
    yield from ((f"{each.severity}", _need(each)) for each in found.needs)
    yield from ((f"vault {each.severity}", f"{each.what} {each.do}") for each in found.vault_findings)
    yield "away", ", ".join(found.away) or None
    yield from (
        ("to approve", f"{each.number}: {each.verb}, asked for by {each.who}") for each in found.approvals
    )
    yield from _jobs(found.jobs)
    yield "RPO", _rpo(found.rpo)
    yield "readiness", _ready(found.readiness)
    yield from ((f"store {each.appliance}/{each.store}", _store(each)) for each in found.stores)
    for way in found.edges:
        yield (
            f"{way.source_site} to {way.target_site}",
            f"{counted(way.machines, 'machine')}, {size(way.stored_bytes)}",
        )


def _counts(numbers: Mapping[State, int] | Mapping[Health, int]) -> str:
    return ", ".join(f"{number} {output.words(word)}" for word, number in numbers.items())


def _need(need: Need) -> str:
    names = ", ".join(each.name for each in need.machines)
    more = need.count - len(need.machines)
    others = f" and {more} more" if more else ""
    return f"{need.code}: {names}{others}: {need.example.what} {need.example.do}"


def _jobs(jobs: JobsOverview) -> Facts:
    yield from (("waits for a person", _job(each)) for each in jobs.waiting)
    yield "under way", counted(jobs.at_work, "job") if jobs.at_work else None
    yield from (("job", _job(each)) for each in jobs.newest)


def _job(job: JobRow) -> str:
    done = "" if job.percent is None else f" {job.percent} %"
    said = f": {job.sentence}" if job.sentence else ""
    return f"{job.id[:10]} {job.verb.replace('_', '-')} {job.name or ''}: {job.state}{done}{said}"


def _rpo(rpo: RpoOverview) -> str:
    said = f"{rpo.within_goal} of {rpo.replicating} within their thresholds"
    said += f", {rpo.beyond_goal} beyond, {rpo.unknown} without a point"
    worst = next(iter(rpo.worst), None)
    return said if worst is None else f"{said}; worst: {worst.name}, {span(worst.seconds)}"


def _ready(ready: Readiness) -> str:
    said = (
        f"of {ready.protected} protected: {ready.never_drilled} never drilled, {ready.drilled_long_ago} long "
        f"ago, {ready.drill_failed} failed, {ready.drifted} drifted"
    )
    if ready.rto_goals:
        said += (
            f"; RTO goals: {ready.rto_met} met, {ready.rto_missed} missed, {ready.rto_unknown} not tried yet"
        )
    if ready.last_good_drill_at is None or ready.oldest_good_drill_at is None:
        return said
    return (
        f"{said}; good drills from {clock(ready.oldest_good_drill_at)} to {clock(ready.last_good_drill_at)}"
    )


def _store(store: StoreForecast) -> str:
    if store.problem is not None:
        return store.problem
    said = f"{size(store.free_bytes)} of {size(store.size_bytes)} free"
    return said if store.full_at is None else f"{said}; full at {clock(store.full_at)} if it goes on so"


def follow(
    context: typer.Context,
    interval: Annotated[
        float, typer.Option(help="The shortest time between two reports, in seconds.", min=1, max=60)
    ] = 1,
    as_json: Json = False,
) -> None:
    """Machines and jobs as they change, a line each, until it is interrupted; with --json a batch a line."""
    with connect(context) as vault:
        for batch in vault.live(interval):
            if as_json:
                output.say(batch.model_dump_json(exclude_defaults=True))
            else:
                _tell(batch)


def _tell(batch: LiveBatch) -> None:
    for machine in batch.machines:
        output.say(f"{clock(batch.at)} {_machine(machine, batch)}")
    for machine_id in batch.gone:
        output.say(f"{clock(batch.at)} machine {machine_id}: no longer protected")
    for job in batch.jobs:
        output.say(f"{clock(batch.at)} job {_job(job)}")


def _machine(row: MachineRow, batch: LiveBatch) -> str:
    age = None if row.recoverable_at is None else max(0.0, batch.at.timestamp() - row.recoverable_at)
    parts = (output.words(row.state), row.health, f"RPO {span(age)}", *row.findings)
    return f"{row.name}: {', '.join(str(each) for each in parts)}"
