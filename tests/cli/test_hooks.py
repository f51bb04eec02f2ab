"""Hooks of machines at the command line."""

import pytest

pytestmark = pytest.mark.slow


def test_a_hook_is_set_shown_replaced_in_its_place_and_cleared(cli, protected):
    assert "No script runs" in cli.must(f"hook list {protected}").out
    words = "--script give-address --moment after_start --direction away --kind planned --kind unplanned"
    shown = cli.must(f"hook set {protected} give {words}").out
    assert "planned, unplanned" in shown
    cli.must(f"hook set {protected} take --script take-address --moment before_stop --stops")
    again = cli.must(f"hook set {protected} give --script other --moment after_start --timeout 5 --json")
    found = [
        (each["name"], each["script"], each["timeout_seconds"], each["stops"]) for each in again.json["hooks"]
    ]
    assert found == [("give", "other", 5, False), ("take", "take-address", 60, True)]
    assert "stops a planned failover" in cli.must(f"hook list {protected}").out
    assert len(cli.must(f"hook clear {protected} give --json").json["hooks"]) == 1
    assert cli.must(f"hook clear {protected} --json").json["hooks"] == []


def test_what_is_no_hook_is_refused_with_the_way_out(cli, protected):
    said = cli(f"hook set {protected} give --script give --moment after_start --stops")
    assert (said.exit, "can stop one" in said.err, "hook set --help" in said.err) == (2, True, True)
    said = cli(f"hook clear {protected} nosuch")
    assert (said.exit, "hook list" in said.err) == (3, True)
    assert cli("hook list nosuch").exit == 3
