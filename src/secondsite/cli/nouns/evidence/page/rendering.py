"""The page, made from the file that 'evidence export' writes: no vault is asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, Template

from .....domain.access import evidence
from .....domain.access.chain import Entry
from .....wire.rest.access.evidence import EvidenceFile
from . import durations, machines, text
from .machines import Machine, recovered
from .text import Told

MOST_IN_FULL = 100
"""With more machines than this, only those with a problem have a section of their own."""


def page(file: EvidenceFile, made_at: datetime) -> str:
    document: Told = file.evidence
    job = text.table(document.get("job"))
    over = durations.span(job)
    of = machines.machines(document, file.pictures, over)
    return _template().render(
        document=document,
        job=job,
        whole=whole(job, of, text.table(document.get("plan"))),
        problem=text.text(text.table(job.get("problem")).get("message")),
        lasted=over.seconds,
        steps=durations.steps(document.get("steps"), over),
        machines=of,
        full=[each for each in of if len(of) <= MOST_IN_FULL or _is_noted(each)],
        notes=_notes(job, of),
        requests=text.tables(document.get("requests")),
        sha256=evidence.digest_of(document),
        entry=file.entry,
        wrong=_wrong(file),
        made_at=made_at.isoformat(),
    )


def _wrong(file: EvidenceFile) -> tuple[str, ...]:
    if file.entry is None:
        return ()
    return evidence.verdict(file.evidence, Entry(**dict(file.entry)), pictures=file.pictures).wrong


def _is_noted(machine: machines.Machine) -> bool:
    missed = "missed" in (machine.rpo, machine.rto)
    return bool(machine.problem or machine.no_picture) or missed or machine.proven != "proven"


def _notes(job: Told, of: list[machines.Machine]) -> list[str]:
    """The notes of all jobs, each once: the clean-up of many machines gives the same notes to all."""
    own = text.text(text.table(job.get("asked")).get("notes"))
    return list(dict.fromkeys(each for each in (own, *(machine.notes for machine in of)) if each))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("secondsite.cli.nouns.evidence", "page"),
        autoescape=True,
        finalize=text.plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(when=text.when, seconds=text.seconds, spelled=text.spelled)
    return environment.get_template("page.html")


# What the page says of the whole job: its verdict, and its figures.

TITLES = {
    "test_failover": "Test failover",
    "cleanup_test_failover": "Clean-up of a test failover",
    "failover": "Failover",
    "planned_failover": "Planned failover",
}
MOST_NAMED = 10
CLEAN_UP = "cleanup_test_failover"
BAD = frozenset({"failed", "cancelled", "cancel_failed", "rolled_back"})


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str
    said: str
    tone: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    title: str
    verdict: str
    tone: str
    figures: list[Figure]
    findings: list[str]


def whole(job: Told, of: list[Machine], plan: Told | None = None) -> RunSummary:
    """The verdict and the figures. `plan`: the evidence about the plan whose run it was."""
    verb, state = text.text(job.get("verb")), text.text(job.get("state"))
    title = TITLES.get(verb, verb.replace("_", " "))
    figures = [] if verb == CLEAN_UP else [*_figures(of), *_of_plan(plan or {})]
    short = any(each.tone == "warn" for each in figures)
    tone = "bad" if state in BAD else "good" if state == "succeeded" and not short else "warn"
    said = state.replace("_", " ").capitalize()
    verdict = f"{said}, but not all was as it should be" if state == "succeeded" and short else said
    return RunSummary(title, verdict, tone, figures, [] if verb == CLEAN_UP else [*_findings(of)])


def _findings(of: list[Machine]) -> Iterable[str]:
    """What is not as it should be, and the machines concerned."""
    found: dict[str, list[str]] = {
        "Not started": [each.name for each in of if not each.started],
        "Not proven to be usable": [each.name for each in of if each.started and each.proven != "proven"],
        "RPO missed": [each.name for each in of if each.rpo == "missed"],
        "RTO missed": [each.name for each in of if each.rto == "missed"],
    }
    for what, names in found.items():
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"{what}: {', '.join(text.shortened(each, 80) for each in names[:MOST_NAMED])}{more}"


def _figures(of: list[Machine]) -> Iterable[Figure]:
    yield _count("Started", of, lambda each: each.started, "machines run at the other site")
    yield _count(
        "Proven to be usable",
        of,
        lambda each: each.proven == "proven",
        "checks passed, or the guest answered",
    )
    yield _worst("RPO", "work lost", of, "rpo_seconds", "rpo_goal_seconds", lambda each: each.rpo)
    yield _worst("RTO", "until proven, else started", of, "", "rto_goal_seconds", lambda each: each.rto)


def _of_plan(plan: Told) -> Iterable[Figure]:
    """The figures of a plan; none if it has no goal."""
    goal, took = text.number(plan.get("rto_goal_seconds")), text.number(plan.get("rto_seconds"))
    if goal is not None:
        said = text.against(took, goal)
        told = f"until its last machine ran; goal {text.seconds(goal)}: {said}"
        value = text.NONE if took is None else text.seconds(took)
        yield Figure("RTO of the plan", value, told, "good" if said == "met" else "warn")


def _count(name: str, of: list[Machine], counts: Callable[[Machine], bool], said: str) -> Figure:
    found = sum(map(counts, of))
    return Figure(name, f"{found} of {len(of)}", said, "good" if found == len(of) else "warn")


def _worst(
    name: str, what: str, of: list[Machine], key: str, goal: str, verdict: Callable[[Machine], str]
) -> Figure:
    """The longest time of all machines; the goal is missed if one machine missed it."""
    lasted = [text.number(each.told.get(key)) if key else recovered(each.told) for each in of]
    known = [each for each in lasted if each is not None]
    verdicts = [verdict(each) for each in of]
    said = next(
        (each for each in ("missed", "not proven", "not measured", "met") if each in verdicts), "no goal set"
    )
    goals = sorted({each for each in (text.number(each.told.get(goal)) for each in of) if each is not None})
    wanted = f"goal {text.seconds(goals[0])}: " if len(goals) == 1 else "goals: " if goals else ""
    tone = {"met": "good", "no goal set": "plain"}.get(said, "warn")
    longest = text.seconds(max(known)) if known else text.NONE
    return Figure(name, longest, f"longest {what}; {wanted}{said}", tone)
