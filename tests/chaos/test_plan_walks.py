"""Random walks over a plan, on real processes. `./dev chaos --walks N --plans` goes further.

Each commit takes another walk; the same `--slice` always draws the same steps.
"""

import pytest

from chaos.plans import walking as plans
from chaos.plans.drawing import drawn
from chaos.walks import walking

STEPS, SECONDS = 12, 240


@pytest.mark.every
@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.timeout(600)
def test_whatever_befalls_the_runs_of_a_plan_the_promises_hold(sliced):
    seen = walking.run(
        STEPS, sliced.number, within_seconds=SECONDS, most_broken=1, say=print, take=plans.episode
    )
    assert not seen.broken, seen.broken
    assert seen.steps["run"] >= 1


def test_the_same_seed_draws_the_same_steps():
    def steps(seed):
        return [
            (each.kind, each.verbs, each.part, each.beside, each.pauses)
            for each in (drawn(seed, n) for n in range(20))
        ]

    assert steps("1.1") == steps("1.1")
    assert steps("1.1") != steps("2.1")
