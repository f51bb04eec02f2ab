"""The report as a text of words and numbers, as a mail tells it. Pure."""

from collections.abc import Iterator, Sequence

from .....domain.amounts import span
from .....domain.health import Severity
from .....ground.plural import counted
from .....wire.rest.access.reports import Report, ReportFinding, ReportMachine, ReportPlan

NAMED = 20
"""How many of a kind are told one by one."""
MOST_OF_A_LINE = 300


def about(of: Report) -> str:
    """The report in half a line."""
    protected, known = sum(each.protected for each in of.coverage), sum(each.machines for each in of.coverage)
    critical = sum(each.severity is Severity.CRITICAL for each in of.findings)
    return f"{protected} of {counted(known, 'machine')} protected, {counted(critical, 'critical finding')}"


def text(of: Report) -> str:
    """The report, a fact a line; what is left out is counted."""
    return "\n".join(each[:MOST_OF_A_LINE] for each in _lines(of))


def _lines(of: Report) -> Iterator[str]:
    yield f"From {of.since:%Y-%m-%d %H:%M} to {of.until:%Y-%m-%d %H:%M} UTC."
    for each in of.coverage:
        as_of = "" if each.problem is None else ", of which not all may be known: it could not be asked"
        yield f"Site {each.site}: {each.protected} of {counted(each.machines, 'machine')} protected{as_of}."
    yield from _goals(of)
    yield from _of_drills(of)
    drifted = [f"{each.machine}: {'; '.join(each.changes)}" for each in of.machines if each.changes]
    yield from _listed("changed since the last good drill", drifted)
    yield from _listed("open findings", [_finding(each) for each in of.findings])
    who = [f"{each.who}: {each.verb} {each.outcome}, {each.count} times" for each in of.changes or ()]
    yield from _listed("asked for, by the audit log", who)
    yield "All of it as a page, PDF or tables: secondsite report --html FILE --pdf FILE --csv FOLDER"


def _finding(of: ReportFinding) -> str:
    return f"{of.severity}, {of.machine}: {of.code} for {span(of.open_seconds)}"


def _goals(of: Report) -> Iterator[str]:
    over = [each for each in of.machines if each.meets_rpo is False]
    yield from _listed("over the RPO threshold now", [_over(each) for each in over])
    slow = [_slow(each.machine, each) for each in of.machines if each.meets_rto is False]
    yield from _listed("over the RTO goal in the last drill or failover", slow)
    plans = [_slow(each.plan, each) for each in of.plans if each.meets_rto is False]
    yield from _listed("plans over their RTO goal in the last run", plans)


def _slow(name: str, of: ReportMachine | ReportPlan) -> str:
    took = "not all of its machines started" if of.rto_seconds is None else span(of.rto_seconds)
    return f"{name}: {took}, the goal is {span(of.rto_goal_seconds)}"


def _over(machine: ReportMachine) -> str:
    within = "" if machine.rpo_within is None else f", within it {machine.rpo_within:.1%} of the week"
    return (
        f"{machine.machine}: {span(machine.rpo_seconds)}, the threshold is "
        f"{span(machine.rpo_goal_seconds)}{within}"
    )


def _of_drills(of: Report) -> Iterator[str]:
    failed = [each for each in of.drills if each.state != "succeeded"]
    yield f"Drills and clean-ups of the week: {len(of.drills) + of.more_drills}."
    yield from _listed("did not succeed", [f"{each.verb} of {each.subject}: {each.state}" for each in failed])
    yield from _listed("drills missed", [f"{each.subject}: {each.what}" for each in of.missed])


def _listed(what: str, told: Sequence[str]) -> Iterator[str]:
    """The number, and the first of them; nothing if there are none."""
    if not told:
        return
    yield f"{what[0].upper()}{what[1:]}: {len(told)}."
    yield from (f"  {each}" for each in told[:NAMED])
    if len(told) > NAMED:
        yield f"  ... and {len(told) - NAMED} more"
