"""The page, made from the file that 'evidence export' writes: no vault is asked."""

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, Template

from .....domain.access import evidence
from .....domain.access.chain import Entry
from .....wire.rest.access.evidence import EvidenceFile
from . import durations, machines, summary, text
from .text import Told

MOST_IN_FULL = 100
"""Of more machines, only those that something was found of have a section of their own."""


def page(file: EvidenceFile, made_at: datetime) -> str:
    document: Told = file.evidence
    job = text.table(document.get("job"))
    over = durations.span(job)
    of = machines.machines(document, file.pictures, over)
    return _template().render(
        document=document,
        job=job,
        whole=summary.whole(job, of, text.table(document.get("plan"))),
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
    """Each once: the clean-up of many gives the same to all."""
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
