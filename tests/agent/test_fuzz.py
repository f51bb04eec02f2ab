"""A short run of what `python -m tests.agent.fuzz` does at length."""

from secondsite.ground.units import MiB

from . import fuzz

SIZES = {"ext4": (64 * MiB, 32 * MiB), "btrfs": (256 * MiB, 0)}


def test_no_point_is_called_valid_that_lacks_a_block(record_property):
    fuzzing = fuzz.Fuzz(5, SIZES, ("mapped", "discarding"))
    try:
        fuzzing.begin(burners=0)
        for seconds in (0.1, 0.3, 0.1):
            fuzzing.round(seconds)
    finally:
        fuzzing.close()
    found = fuzzing.found
    record_property("writes", found.writes)
    record_property("missed_blocks", found.missed_blocks)
    assert found.writes > 100
    assert found.changed_blocks > 10
    assert found.valid_rounds_with_missed_blocks == 0
    assert found.wrong_blocks_of_valid_points == 0
