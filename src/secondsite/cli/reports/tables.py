"""What the report says, in sections of rows: a page, a PDF and files show the same. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...domain.amounts import span
from ...domain.health import Severity
from ...ground.plural import counted
from ...wire.rest.access.reports import Report, ReportMachine, ReportPlan
from .. import output

NONE = "-"
GOOD, BAD, OPEN = "good", "bad", "open"
"""Tones of a cell: a goal is met, missed, or there is nothing to judge by. The words say it too."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text without control characters, and its tone."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its title, and the sentence that stands in its place if it has no rows. `widths` are the
    columns' parts of the width."""

    name: str
    title: str
    columns: tuple[str, ...]
    widths: tuple[int, ...]
    rows: Sequence[tuple[Cell, ...]]
    empty: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The report: a title, a line below it, figures, and sections."""

    title: str
    subtitle: str
    figures: Sequence[tuple[str, Cell]] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


def document(of: Report) -> Document:
    where = f"site {of.site} only" if of.site else "all sites"
    made = f"Vault {of.vault}, {where}. {when(of.since)} to {when(of.until)} UTC, version {of.version}."
    sections = (
        _coverage(of), _machines(of), _plans(of), _missed(of), _drills(of), _drift(of), _findings(of),
        _changes(of),
    )  # fmt: skip
    return Document("State of protection", output.plain(made), tuple(_figures(of)), sections)


def when(at: datetime | None) -> str:
    return NONE if at is None else f"{at:%Y-%m-%d %H:%M}"


def _cell(value: object, tone: str = "") -> Cell:
    return Cell(output.plain(str(value)).replace("\n", " ") if value not in (None, "") else NONE, tone)


def _cells(*values: object) -> tuple[Cell, ...]:
    return tuple(value if isinstance(value, Cell) else _cell(value) for value in values)


def _figures(of: Report) -> Iterator[tuple[str, Cell]]:
    known, protected = sum(each.machines for each in of.coverage), sum(each.protected for each in of.coverage)
    yield "machines protected", _part(protected, known)
    rpo = [each.meets_rpo for each in of.machines if each.meets_rpo is not None]
    yield "within the RPO threshold now", _part(sum(rpo), len(rpo))
    rto = [each.meets_rto for each in of.machines if each.meets_rto is not None]
    yield "met the RTO goal", _part(sum(rto), len(rto))
    proven = sum(each.proven_at is not None and not each.drill_failed for each in of.machines)
    yield "with a good drill", _part(proven, len(of.machines))
    critical = sum(each.severity is Severity.CRITICAL for each in of.findings)
    yield "critical findings", _cell(critical or "none", BAD if critical else GOOD)


def _part(some: int, whole: int) -> Cell:
    if not whole:
        return Cell("nothing to judge by", OPEN)
    return Cell(f"{some} of {whole}", GOOD if some == whole else BAD)


def _verdict(met: bool | None, otherwise: str) -> Cell:
    if met is None:
        return Cell(otherwise, OPEN)
    return Cell("met", GOOD) if met else Cell("missed", BAD)


def _coverage(of: Report) -> Section:
    rows = [
        _cells(
            each.site,
            each.machines,
            each.protected,
            _part(each.protected, each.machines) if each.machines else _cell("no machines", OPEN),
            "now" if each.problem is None else f"{when(each.seen_at)}: {each.problem.message}",
        )
        for each in of.coverage
    ]
    columns = ("site", "machines known", "protected", "coverage", "as of (UTC)")
    note = "A machine counts where it runs; one that was failed over and is not protected back does not."
    return Section(
        "coverage", "Coverage by site", columns, (3, 2, 2, 3, 8), rows, "There are no sites.", note
    )


def _machines(of: Report) -> Section:
    columns = (
        "machine", "from, to", "policy", "state", "RPO now", "RPO goal", "RPO is", "in the week",
        "recovery took", "RTO goal", "RTO is", "good drill",
    )  # fmt: skip
    note = (
        "RPO: the age of the newest usable point, sampled in ten minutes of each hour of the week. RTO: from "
        "when the last drill or failover was asked for until the machine was proven to run."
    )
    widths = (7, 5, 4, 5, 3, 3, 4, 6, 6, 3, 4, 5)
    rows = [_machine(each) for each in of.machines]
    return Section(
        "machines", "Machines against their goals", columns, widths, rows, "No machine is protected.", note
    )


def _machine(of: ReportMachine) -> tuple[Cell, ...]:
    week = NONE
    if of.rpo_within is not None:
        week = f"{_percent(of.rpo_within)} within, worst {span(of.rpo_worst_seconds)}"
    took = NONE
    if of.rto_seconds is not None:
        took = f"{span(of.rto_seconds)}, {output.words(str(of.rto_verb))} {_day(of.rto_at)}"
    drilled = Cell(f"{_day(of.drilled_at)} failed", BAD) if of.drill_failed else _cell(_day(of.proven_at))
    return _cells(
        of.machine,
        f"{of.source_site}, {of.target_site}",
        of.policy,
        f"{output.words(of.state)}, {output.words(of.health)}",
        span(of.rpo_seconds),
        span(of.rpo_goal_seconds),
        _verdict(of.meets_rpo, "not measured"),
        week,
        took,
        span(of.rto_goal_seconds),
        _verdict(of.meets_rto, "no goal" if of.rto_goal_seconds is None else "not measured"),
        drilled,
    )


def _day(at: datetime | None) -> str:
    return NONE if at is None else f"{at:%Y-%m-%d}"


def _percent(part: float) -> str:
    """A part in percent, rounded down: 99.99 % is not all."""
    return f"{int(part * 1000) / 10:g} %"


def _plans(of: Report) -> Section:
    columns = ("plan", "machines", "last run (UTC)", "took", "RTO goal", "RTO is")
    rows = [_plan(each) for each in of.plans]
    widths = (6, 2, 6, 3, 3, 3)
    return Section("plans", "Recovery plans", columns, widths, rows, "There are no recovery plans.")


def _plan(of: ReportPlan) -> tuple[Cell, ...]:
    ran = NONE if of.run_at is None else f"{when(of.run_at)}, {output.words(str(of.run_verb))}"
    took = "not all started" if of.run_at is not None and of.rto_seconds is None else span(of.rto_seconds)
    verdict = _verdict(of.meets_rto, "no goal" if of.rto_goal_seconds is None else "never run")
    return _cells(of.plan, of.machines, ran, took, span(of.rto_goal_seconds), verdict)


def _missed(of: Report) -> Section:
    rows = [_cells(each.subject, each.what, when(each.since)) for each in of.missed]
    columns = ("of", "what is missing", "since (UTC)")
    return Section("missed", "Drills that should have been", columns, (4, 12, 3), rows, "None is missing.")


def _drills(of: Report) -> Section:
    rows = [
        _cells(
            when(each.ended_at),
            output.words(each.verb),
            each.subject,
            Cell(each.state.replace("_", " "), GOOD if each.state == "succeeded" else BAD),
            each.requested_by,
            each.evidence,
        )
        for each in of.drills
    ]
    columns = ("ended (UTC)", "what", "of", "result", "asked for by", "evidence")
    note = f"{counted(of.more_drills, 'earlier one')} of the week left out." if of.more_drills else ""
    widths = (3, 4, 4, 3, 3, 6)
    return Section("drills", "Drills of the week", columns, widths, rows, "None ended in the week.", note)


def _drift(of: Report) -> Section:
    rows = [
        _cells(each.machine, when(each.proven_at), when(each.drifted_since), "; ".join(each.changes))
        for each in of.machines
        if each.changes
    ]
    columns = ("machine", "good drill (UTC)", "differs since (UTC)", "what changed")
    empty = "No machine differs from what its last good drill proved, as far as is known."
    return Section("drift", "Changes since the last good drill", columns, (3, 2, 2, 8), rows, empty)


def _findings(of: Report) -> Section:
    rows = [
        _cells(
            Cell(each.severity, BAD if each.severity is Severity.CRITICAL else OPEN),
            each.machine,
            each.code,
            when(each.since),
            span(each.open_seconds),
            each.what,
        )
        for each in of.findings
    ]
    columns = ("severity", "machine", "finding", "since (UTC)", "open for", "what it is")
    return Section("findings", "Open findings", columns, (2, 3, 3, 3, 2, 8), rows, "There are none.")


def _changes(of: Report) -> Section:
    rows = [_cells(each.who, each.verb, each.outcome, each.count) for each in of.changes or ()]
    empty = "Nothing." if of.changes is not None else "Only who may read the audit log sees this."
    columns = ("who", "what was asked for", "outcome", "times")
    return Section("changes", "Who asked for what", columns, (4, 9, 3, 2), rows, empty)
