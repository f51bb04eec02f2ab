"""What was noted of a machine's drills, as it is shown with the machine."""

from datetime import timedelta

import pytest

from secondsite.vault.store import DrillNote
from tests.support.vault import NOW


def ended(vault, machine, *notes):
    with vault.store.transaction() as tx:
        for day, note in enumerate(notes):
            at = NOW + timedelta(days=day)
            tx.drill_notes.add(DrillNote(machine.id, note, "p1", at, at, "schedule nightly"))


def test_a_machine_is_shown_and_told_of_with_its_last_twenty_notes(vault, protected, ask):
    ended(vault, protected, *(f"night {day}" for day in range(50)))
    wanted = [f"night {day}" for day in range(30, 50)]
    assert [note["notes"] for note in ask("GET", "/machines/web01")["drill"]["notes"]] == wanted
    told = vault.facade.machines.several([protected.id])[protected.id]
    assert [note.notes for note in told.drill.notes] == wanted


@pytest.mark.parametrize(
    ("path", "status"),
    [("/machines/web01/cleanup-test-failover", 409), ("/plans/nosuch/cleanup-test-failover", 404)],
)
def test_a_note_has_at_most_4000_characters(protected, ask, path, status):
    error = ask("POST", path, 422, json={"notes": "x" * 4001})["error"]
    assert "4000" in error["message"]
    ask("POST", path, status, json={"notes": "x" * 4000})


def test_a_longer_note_of_an_earlier_release_is_shown_as_it_is(vault, protected, ask):
    ended(vault, protected, "x" * 5000)
    assert [note["notes"] for note in ask("GET", "/machines/web01")["drill"]["notes"]] == ["x" * 5000]
