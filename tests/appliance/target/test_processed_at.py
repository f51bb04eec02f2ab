"""Until when a replica has what its machine held."""

from datetime import datetime

from secondsite.appliance.target.kept_cycles import processed_at
from secondsite.datapath.replica import ReplicaState
from secondsite.datapath.transfer import UnchangedState

CYCLE_AT, UNTIL = "2026-11-22T08:00:00+00:00", "2026-11-22T08:50:00+00:00"
NOTED = UnchangedState("m1", epoch=1, seq=12, taken_at=UNTIL)


def state(**changes):
    values = {"processed_seq": 12, "processed_taken_at": CYCLE_AT, "whole": True, **changes}
    return ReplicaState("m1", 1, disks=(), layers=(), head=1, next_number=2, **values)


def test_while_the_cycle_after_a_long_rest_is_applied_the_second_site_looks_no_older_than_before():
    resting = processed_at(state(), NOTED)
    assert resting == datetime.fromisoformat(UNTIL)
    assert processed_at(state(applying_seq=13, begun_seq=13, whole=False), NOTED) == resting


def test_a_note_of_another_cycle_or_epoch_says_nothing():
    for changes in ({"processed_seq": 13}, {"processed_seq": 11}):
        assert processed_at(state(**changes), NOTED) == datetime.fromisoformat(CYCLE_AT)
    assert processed_at(state(), UnchangedState("m1", 2, 12, UNTIL)) == datetime.fromisoformat(CYCLE_AT)
    assert processed_at(state(processed_seq=0, processed_taken_at=None), NOTED) is None
