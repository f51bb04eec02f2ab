"""Evidence is what the audit log took, or it is found not to be."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

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


PICTURES = tuple(base64.b64encode(each).decode() for each in (b"one screen", b"another screen"))
NAMED = tuple(hashlib.sha256(base64.b64decode(each)).hexdigest() for each in PICTURES)


def with_pictures():
    machines: list[JsonValue] = [{"picture": {"sha256": each}} for each in NAMED]
    document: evidence.Document = {"machines": [*machines, {"picture": None}, {}]}
    details = json.dumps({"sha256": evidence.digest_of(document)})
    return document, chain.linked(replace(entry(), details=details), chain.BEGINNING)


def test_pictures_are_those_that_the_evidence_names():
    document, named = with_pictures()
    there = dict(zip(NAMED, PICTURES, strict=True))
    assert evidence.verdict(document, named, pictures=there).wrong == ()
    swapped = dict(zip(NAMED, reversed(PICTURES), strict=True))
    for pictures, times in (
        (swapped, 2),
        ({NAMED[0]: PICTURES[0]}, 1),
        (None, 2),
        ({**there, NAMED[0]: "not base64"}, 1),
        ({**there, "ff": PICTURES[0]}, 1),
    ):
        assert len(evidence.verdict(document, named, pictures=pictures).wrong) == times


@pytest.mark.parametrize("machines", [None, 1, "text", [1], [{"picture": 1}], [{"picture": {"sha256": 1}}]])
def test_words_of_another_release_name_no_pictures(machines):
    assert evidence.pictures_of({"machines": machines}) == frozenset()


def test_every_changed_byte_of_the_document_is_found():
    text, entries = evidence.text_of(DOCUMENT), log()
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        try:
            document = json.loads(changed)
        except ValueError:
            continue
        assert evidence.verdict(document, entries[1], entries).wrong, changed
