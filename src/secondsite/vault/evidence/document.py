"""The document of evidence about a job: made only of rows of the database."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from ...domain.access import evidence
from ...domain.access.chain import Entry
from ...domain.lifecycle import Verb
from ...jobs.model.views import JobTree
from ..store import AuditFilter, RecoveredRecord, RunTimeRecord, Transaction
from . import goals, machines, steps
from .steps import Told

MOST_REQUESTS = 100
ON_THE_WAY = frozenset({Verb.REPROTECT.value})
"""Child jobs of a machine's job that do not start it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Evidence made outside the transaction that keeps it: for 1,000 machines that takes seconds. `sites` are
    those of each machine, `pictures` the SHA-256 of each picture, by its job's id."""

    text: str
    sha256: str
    sites: tuple[tuple[str, ...], ...]
    pictures: Mapping[str, str]
    run_times: Sequence[RunTimeRecord] = ()
    recovered: Mapping[str, RecoveredRecord] = field(default_factory=dict)
    """By machine id."""


def draft(tx: Transaction, tree: JobTree, vault: str) -> Draft:
    of_machines = [*_of_machines(tree)]
    known = machines.EvidenceSources.read(tx, of_machines)
    told = _document(tx, tree, vault)
    pictures = {each.job.id: machines.picture(tx, each.job.id) for each in of_machines}
    runs = [(each, machines.machine(known, each, tree.job, pictures[each.job.id])) for each in of_machines]
    told["machines"] = [machine for _, machine in runs]
    told["plan"] = goals.plan(tree.job, runs)
    sites = tuple(known.sites(each.job.subject) for each in of_machines)
    named = {job_id: sha256 for job_id, sha256 in pictures.items() if sha256 is not None}
    took = steps.run_times(tx, of_machines, list(known.records.values()))
    recovered = goals.recovered(tree.job, runs)
    return Draft(evidence.text_of(told), evidence.digest_of(told), sites, named, took, recovered)


def _document(tx: Transaction, tree: JobTree, vault: str) -> Told:
    """The document without its `machines`: those of the job itself, or of all jobs that it has started."""
    return {
        "format": evidence.FORMAT,
        "version": evidence.VERSION,
        "vault": vault,
        "job": steps.job(tree.job),
        "requests": _requests(tx, tree.job.id),
        "steps": [steps.step(each) for each in tree.tasks],
    }


def _of_machines(tree: JobTree) -> Iterator[JobTree]:
    if tree.job.subject and not tree.children and tree.job.name not in ON_THE_WAY:
        yield tree
    for each in tree.children:
        yield from _of_machines(each)


def _requests(tx: Transaction, job_id: str) -> list[JsonValue]:
    """Who asked for the job, approved it and answered its questions: the audit log's entries about it."""
    found = tx.audit.find(AuditFilter(job_id=job_id, oldest_first=True), MOST_REQUESTS, None)
    return [_request(each) for each in found if each.verb != evidence.RECORDED]


def _request(entry: Entry) -> Told:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "verb": entry.verb,
        "outcome": entry.outcome.value,
        "approval": _approval(entry),
    }


def _approval(entry: Entry) -> JsonValue:
    """The request that a second person granted, and whose it was."""
    try:
        told = json.loads(entry.details)
    except ValueError:
        return None
    return told.get("approval") if isinstance(told, dict) else None
