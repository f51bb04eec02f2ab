"""Evidence is what the audit log took, or it is found not to be."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from secondsite.domain.access import chain, evidence
from secondsite.domain.access.chain import Entry, Outcome

AT = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT: evidence.Document = {
    "job": {"id": "j1"},
    "machines": [{"name": "<b>web01</b>", "rpo_seconds": 1.5}],
}


def entry(**changes):
    details = json.dumps({"sha256": evidence.digest_of(DOCUMENT)})
    return Entry(
        AT,
        "secondsite",
        "",
        "",
        evidence.RECORDED,
        "/evidence/j1-1",
        Outcome.DONE,
        details=details,
        **changes,
    )


def log():
    first = chain.linked(replace(entry(), verb="other"), chain.BEGINNING)
    second = chain.linked(entry(), chain.link_of(first))
    return [first, second, chain.linked(replace(entry(), verb="other"), chain.link_of(second))]


def test_what_the_log_took_is_proven_and_how_far_is_said():
    entries = log()
    found = evidence.verdict(json.loads(evidence.text_of(DOCUMENT)), entries[1], entries)
    assert (found.wrong, len(found.proven), len(found.open)) == ((), 2, 1)


def test_a_changed_document_a_changed_entry_and_another_entry_are_found():
    entries = log()
    assert evidence.verdict({**DOCUMENT, "job": {}}, entries[1]).wrong
    assert evidence.verdict(DOCUMENT, replace(entries[1], details="[]")).wrong
    assert evidence.verdict(DOCUMENT, replace(entries[1], who="nobody")).wrong
    assert evidence.verdict(DOCUMENT, entries[0]).wrong


def test_a_log_that_lacks_the_entry_or_has_a_gap_or_nothing_is_found():
    entries = log()
    assert evidence.verdict(DOCUMENT, entries[1], entries[:1]).wrong
    assert evidence.verdict(DOCUMENT, entries[1], [entries[0], entries[2]]).wrong
    assert evidence.verdict(DOCUMENT, entries[1], []).wrong
