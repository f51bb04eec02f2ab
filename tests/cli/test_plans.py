"""Recovery plans at the command line."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_a_plan_is_made_shown_changed_and_deleted(cli, protected, tmp_path):
    for left in cli.must("plan list --json").json:  # by the tests before
        cli.must(f"plan delete {left['name']} --yes")
    assert "secondsite plan create NAME --group" in cli.must("plan list").out
    made = cli.must(f"plan create shop --group {protected}").out
    assert "group 1:" in made
    assert f"  {protected}: " in made
    assert protected in cli.must("plan list").out
    file = tmp_path / "plan.json"
    action = {"name": "Traffic", "instruction": "Move the traffic", "kinds": ["planned"]}
    file.write_text(json.dumps({"groups": [{"machines": [protected], "before": [action]}]}))
    changed = cli.must(f"plan set shop --file {file}").out
    assert "  before: Traffic (planned; away, home): Move the traffic" in changed
    shown = cli.must("plan show shop --json").json
    assert shown["groups"][0]["machines"][0]["name"] == protected
    assert cli("plan set shop").exit == 2
    assert cli(f"plan set shop --group {protected} --file {file}").exit == 2
    file.write_text('{"groups": [{"machines": []}]}')
    said = cli(f"plan set shop --file {file}")
    assert (said.exit, "groups, number 1: machines" in said.err) == (2, True)
    assert cli(f"plan set shop --file {tmp_path}/nosuch").exit == 2
    assert cli("plan create other --group nosuch").exit == 3
    assert ", RTO goal 15 min" in cli.must("plan set shop --rto-goal 15m").out
    kept = cli.must(f"plan set shop --group {protected} --json").json
    assert kept["rto_goal_seconds"] == 900
    file.write_text(
        json.dumps({"groups": [{"machines": [protected], "before": [action]}], "rto_goal_seconds": 60})
    )
    cli.must(f"plan set shop --file {file}")
    told = cli.must("plan set shop --rto-goal 0 --json").json
    assert (told["rto_goal_seconds"], told["groups"][0]["before"][0]["name"]) == (0, "Traffic")
    refused = cli("plan set shop --commit-after 1h")
    assert (refused.exit, "have no check that can be repeated" in refused.err) == (4, True)
    cli.must(f"check set {protected} agent --kind agent")
    told = cli.must("plan set shop --commit-after 1h").out
    assert ", commits by itself after its checks held for 1 h" in told
    assert cli.must("plan set shop --rto-goal 1m --json").json["commit_after_held_seconds"] == 3600
    kept = cli("plan keep-open shop")
    assert (kept.exit, "was not failed over" in kept.err) == (4, True)
    cli.must(f"check clear {protected}")
    cli.must("plan set shop --commit-after 0")
    cli.must("plan delete shop --yes")
    assert cli("plan show shop").exit == 3
