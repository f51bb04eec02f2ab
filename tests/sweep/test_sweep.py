"""A part of the kill sweep on simulated sites: real processes, real SIGKILL. `./dev chaos --sweep` does all
of it.

Each commit does another part; the same `--slice` always kills the same victims at the same seams.
"""

from typing import Any

import pytest

from chaos import sweep
from chaos.walk import WAY

SECONDS = 25


# A vault that is killed while Python's ssl greets it leaves a socket that nobody can close.
@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.timeout(600)
def test_whoever_dies_at_whichever_seam_of_any_verb_nothing_is_lost_and_nothing_is_done_twice(
    tmp_path, sliced
):
    seen = sweep.run(sweep.sliced(sliced.number), within_seconds=SECONDS, folder=tmp_path, say=print)
    assert seen.broken is None, seen.broken
    assert seen.deaths >= 5
    assert len({kill.victim for kill in seen.kills if kill.hit}) >= 3, (
        "one may not come to its seam in a slice"
    )


def test_a_slice_is_the_same_each_time_and_another_for_another_number():
    def kills(number):
        plan = sweep.sliced(number)
        return [plan(station, turn) for turn in range(4) for station in WAY]

    assert kills(1) == kills(1)
    assert kills(1) != kills(2)
    assert {victim for victim, _ in kills(0)} == set(sweep.VICTIMS)


def test_the_whole_sweep_climbs_until_each_victim_of_each_verb_was_not_touched():
    ladder, passes = sweep.Ladder(), 0
    while not ladder.done:
        for station in WAY:
            chosen = ladder(station, passes)
            if chosen is not None and chosen[1] > 20:
                ladder.untouched(sweep.Kill(station.name, *chosen, None, 0.0, 0.0))
        passes += 1
    assert passes > 4 * 15


def test_an_interrupted_sweep_goes_on_above_what_it_had_climbed():
    told: list[dict[str, Any]] = [
        {"station": "drill", "victim": "vault", "n": n, "hit": "job.step.before"} for n in (1, 2, 15)
    ]
    told += [{"station": each.name, "victim": "vault", "n": 3, "hit": None} for each in WAY[2:]]
    ladder = sweep.Ladder(["vault"])
    ladder.climbed(told)
    at = {station.name: ladder(station, 0) for station in WAY}
    assert at == {"enable": ("vault", 1), "drill": ("vault", 22)} | {s.name: None for s in WAY[2:]}
