"""Where the ladder over runs of a plan climbs. `./dev chaos --sweep --plans` climbs."""

from pathlib import Path

from chaos import sweep
from chaos.plans import ladder
from secondsite.domain.plans import run_selection

SOURCE = Path(__file__).parents[2] / "src" / "secondsite"


def test_its_way_takes_every_verb_of_plans_and_ends_where_it_began():
    assert {station.verb for station in ladder.WAY} == set(run_selection.VERBS)
    assert (ladder.WAY[0].sites, ladder.WAY[-1].runs_at) == (("a", "b"), "a")


def test_each_named_seam_is_one_that_the_product_passes():
    told = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    for who, seam in (name.split() for name in ladder.SEAMS):
        assert who in sweep.VICTIMS
        assert f'"{seam}"' in told


def test_every_named_seam_is_climbed_at_every_station():
    climbing = sweep.Ladder(ladder.SEAMS, ladder.WAY)
    seen = {climbing(station, turn) for turn in range(len(ladder.SEAMS)) for station in ladder.WAY}
    assert {name for name, _ in filter(None, seen)} == set(ladder.SEAMS)
