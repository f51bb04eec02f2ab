"""What a run took, in parts; the downtime goes from the begin of the shutdown to the end of the start."""

from datetime import UTC, datetime, timedelta

from secondsite.domain.prediction.timing import Part, StepTime, downtime, parts

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def step(key, began, ended):
    return StepTime(key, NOON + timedelta(seconds=began), NOON + timedelta(seconds=ended))


MOVED = [
    step("check", 0, 1), step("pre_copy", 1, 10), step("shut_down", 10, 22), step("final_cycle", 22, 24),
    step("failover", 24, 25), step("turn_to_start", 25, 65), step("start", 65, 69), step("prove", 69, 80),
]  # fmt: skip


def test_a_part_is_the_sum_of_its_steps_and_waiting_for_a_turn_is_none():
    assert parts(MOVED) == {
        Part.PREPARE: 10, Part.SHUT_DOWN: 12, Part.LAST_CHANGES: 3, Part.START: 4, Part.PROOF: 11,
    }  # fmt: skip


def test_the_downtime_has_the_waiting_in_it():
    assert downtime(MOVED) == 59


def test_without_a_shutdown_nobody_knows_the_downtime():
    assert downtime([step("failover", 0, 1), step("start", 1, 3)]) is None
    assert downtime(MOVED[:4]) is None


def test_of_a_step_that_was_done_again_the_last_attempt_counts():
    assert parts([step("start", 0, 100), step("start", 200, 203)]) == {Part.START: 3}


def test_a_clock_that_was_set_back_makes_nothing_negative():
    back = [step("shut_down", 100, 90), step("start", 10, 5)]
    assert set(parts(back).values()) == {0}
    assert downtime(back) == 0
