"""A board tells each follower what has changed since it was told last, however long ago that was."""

import json
from datetime import timedelta

import pytest

from secondsite.ground.job_states import JobState
from secondsite.vault.facade.nouns.glance import board as boards
from secondsite.vault.facade.nouns.glance.board import Board, Thing
from secondsite.vault.facade.shared import machine_rows
from secondsite.vault.fleet.statuses.recent import Recent
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import StatusRecord
from secondsite.wire.rest.glance.job_rows import JobRow
from tests.support.vault import NOW, machine, replica_status


def row(machine_id, **changes):
    situation = Situation(machine(machine_id, **changes), StatusRecord(machine_id), None, None, None)
    return machine_rows.row(situation, ())


def job(job_id, state=JobState.RUNNING, at=0):
    return JobRow(job_id, "failover", None, None, state, 0, "", None, False, at, None)


@pytest.fixture
def board():
    found = Board()
    found.show([row("m1"), row("m2")])
    found.settle()
    return found


def told(board, since):
    batch = board.batch(since, NOW)
    return batch.kind, json.loads(batch.text)


def test_who_knows_nothing_is_told_everything(board):
    board.show_jobs([job("j1"), job("j2", JobState.FAILED)])
    board.settle()
    kind, said = told(board, None)
    assert (kind, [each[0] for each in said["machines"]]) == ("whole", ["m1", "m2"])
    assert [each[0] for each in said["jobs"]] == ["j1"], "what has ended is not under way"


def test_each_thing_is_told_once_in_its_last_state(board):
    began = board.number
    for name in ("a", "b", "c"):
        board.show([row("m1", name=name)])
        board.settle()
    _, said = told(board, began)
    assert [each[1] for each in said["machines"]] == ["c"]
    assert told(board, board.number)[1]["machines"] == []


def test_what_is_the_same_is_no_change(board):
    began = board.mark()
    board.show([row("m1"), row("m2")])
    board.show_jobs([])
    board.remove(["m3"])
    board.settle()
    assert board.mark() == began


def test_a_machine_that_goes_and_comes_again_is_there(board):
    began = board.number
    board.remove(["m1"])
    board.settle()
    assert told(board, began)[1]["gone"] == ["m1"]
    between = board.number
    board.show([row("m1")])
    board.settle()
    assert told(board, began)[1] | {"at": "", "mark": ""} == told(board, between)[1] | {"at": "", "mark": ""}
    assert told(board, began)[1]["gone"] == []


def test_a_batch_is_written_once_for_all_at_the_same_place(board):
    began = board.number
    board.show([row("m1", name="other")])
    board.settle()
    assert board.batch(began, NOW) is board.batch(began, NOW + timedelta(seconds=1))
    later = board.batch(began, NOW + timedelta(seconds=30))
    assert json.loads(later.text)["at"] == (NOW + timedelta(seconds=30)).isoformat()


def test_who_was_away_for_too_long_is_told_everything(board):
    board.things = Recent(3)
    began = board.number
    for number in range(5):
        board.show_things([Thing("sites", f"s{number}")])
        board.settle()
    assert told(board, began)[0] == "whole"
    assert told(board, board.number - 1)[0] == "changes"


def test_a_mark_of_the_future_is_not_known(board):
    assert board.number_of(f"{board.life}-{board.number}") == board.number
    assert board.number_of(f"{board.life}-{board.number + 1}") is None
    assert board.number_of(f"{Board().life}-1") is None


def test_more_jobs_than_fit_are_cut_to_the_newest(board):
    board.show_jobs([job(f"j{number}", at=number) for number in range(boards.JOBS_AT_WORK + 5)])
    board.settle()
    jobs = [each[0] for each in told(board, None)[1]["jobs"]]
    assert (len(jobs), jobs[0]) == (boards.JOBS_AT_WORK, f"j{boards.JOBS_AT_WORK + 4}")


def test_stored_bytes_have_the_digits_that_are_shown():
    found = [machine_rows.rounded(count) for count in (0, 7, 123, 1234, 99_999, 123_456_789)]
    assert found == [0, 7, 123, 1230, 100_000, 123_000_000]
    status = StatusRecord("m1", replica=replica_status("m1", store_bytes=123_456), replica_at=NOW)
    assert machine_rows.row(Situation(machine(), status, None, None, None), ()).stored_bytes == 123_000
