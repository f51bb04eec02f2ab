"""The audit log's chain: whatever is done to entries by hand is found, and named."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

from secondsite.domain.access import chain
from secondsite.domain.access.chain import BEGINNING, Entry, Link, Outcome

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def entries(count=6):
    found, last = [], BEGINNING
    for number in range(count):
        entry = Entry(
            NOW + timedelta(seconds=number), "anna", "id", "192.0.2.1", "POST /sites", "/sites", Outcome.DONE
        )
        found.append(chain.linked(entry, last))
        last = chain.link_of(found[-1])
    return found


def test_what_was_written_is_whole():
    found = chain.check(entries())
    assert (found.entries, found.last.number, found.broken) == (6, 6, None)


def test_every_field_of_an_entry_is_covered():
    other = {
        "at": NOW + timedelta(days=1), "outcome": Outcome.REFUSED, "code": 500, "job_id": "j", "number": 9,
        "details": '{"a":1}', "former": "f",
    }  # fmt: skip
    for field in dataclasses.fields(Entry):
        if field.name != "digest":
            changed = entries()
            changed[2] = dataclasses.replace(changed[2], **{field.name: other.get(field.name, "other")})
            assert chain.check(changed).broken == 3, field.name


def test_a_changed_entry_whose_digest_was_made_anew_is_found_by_the_next():
    changed = entries()
    changed[2] = dataclasses.replace(changed[2], who="nobody")
    changed[2] = dataclasses.replace(changed[2], digest=chain.digest_of(changed[2]))
    found = chain.check(changed)
    assert (found.broken, found.last.number) == (4, 3)


def test_a_deleted_entry_is_named():
    for number in range(1, 6):
        left = [entry for entry in entries() if entry.number != number]
        assert chain.check(left).broken == number


def test_entries_that_changed_places_are_found():
    swapped = entries()
    swapped[1], swapped[2] = swapped[2], swapped[1]
    assert chain.check(swapped).broken == 2
    one, two = swapped[2], swapped[1]
    swapped[1:3] = [dataclasses.replace(two, number=2), dataclasses.replace(one, number=3)]
    assert chain.check(swapped).broken == 2


def test_a_part_is_checked_behind_what_came_before():
    whole = entries()
    assert chain.check(whole[3:], chain.link_of(whole[2])).broken is None
    assert chain.check(whole[3:], Link(3, "0" * 64)).broken == 4


def test_an_instant_in_another_zone_is_the_same():
    entry = entries()[0]
    elsewhere = dataclasses.replace(entry, at=entry.at.astimezone(timezone(timedelta(hours=5))))
    assert chain.digest_of(elsewhere) == entry.digest
