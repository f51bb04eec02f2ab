"""Hostile frames, cycles and control messages, some thousands of them; `./dev chaos --border N` throws as
many as you like."""

import pytest

from chaos.border import throw

SECONDS = 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_hostile_input_does_more_than_be_refused(seed):
    thrown = throw.run(3000, seed, within_seconds=SECONDS)
    assert thrown.broken is None
    assert thrown.count > 500
    assert all(thrown.refused[name] for name in thrown.taken)
