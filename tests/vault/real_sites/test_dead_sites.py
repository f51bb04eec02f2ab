"""The guide's page about dead sites tells the rows that are walked here, and each state has one for each
loss."""

from pathlib import Path

from secondsite.domain.lifecycle import State
from tests.vault.real_sites import support_page
from tests.vault.real_sites import support_rows as rows
from tests.vault.real_sites import support_states as states
from tests.vault.real_sites import support_walking as walking


def test_every_state_in_which_a_machine_rests_has_a_row_for_each_loss_in_both_directions():
    at_rest = {state for state in State if state not in (State.UNPROTECTED, *states.moving())}
    for lost in (rows.SOURCE, rows.TARGET, rows.VAULT, rows.NEW_VAULT, *walking.DATABASES):
        for direction in (states.FORWARD, states.REVERSE):
            there = {row.state for row in rows.ROWS if (row.lost, row.direction) == (lost, direction)}
            assert there == {*at_rest, states.DRILL}


def test_the_guides_page_tells_the_rows():
    page = (Path(__file__).parents[3] / "docs" / "guide" / "dead-sites.md").read_text()
    told = page.partition(support_page.BEGIN)[2].partition(support_page.END)[0]
    assert told.strip() == support_page.tables()


def test_every_row_is_walked_once():
    walked = [row for lost in walking.WORLDS for row in walking.of_the_world(lost)]
    assert len(walked) == len(rows.ROWS)
    assert set(walked) == set(rows.ROWS)
