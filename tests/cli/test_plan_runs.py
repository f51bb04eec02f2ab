"""Runs of recovery plans at the command line."""

import json

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(cli, protected, fresh_too, tmp_path):
    """Two machines in two groups, and a question between them."""
    cli.must(f"machine enable-protection {fresh_too} --source a --target b --json")
    file, name = tmp_path / "plan.json", f"plan-{protected}"
    ask = {"name": "Traffic", "instruction": "Move the traffic", "kinds": ["planned"]}
    groups = [{"machines": [protected], "after": [ask]}, {"machines": [fresh_too]}]
    file.write_text(json.dumps({"groups": groups}))
    cli.must(f"plan create {name} --file {file}")
    return name, protected, fresh_too


def state(cli, vm):
    return cli.must(f"machine show {vm} --json").json["state"]


def test_a_plan_goes_away_and_comes_home_group_after_group(cli, plan):
    name, first, second = plan
    said = cli.must(f"plan failover {name} --yes --while-running {name}").out
    told = (
        f"done    {first}: Start",
        "done    Group 1: Failover (1)",
        f"done    {second}: Start",
        "done    Group 2",
    )
    assert sorted(told, key=said.index) == list(told)
    assert "): 2 of 2 machines" in said
    for verb in ("commit", "reprotect"):
        cli.must(f"plan {verb} {name} --yes")
    accepted = cli.must(f"plan planned-failover {name} --yes --no-wait --json").json["job_id"]
    eventually(lambda: cli.must(f"job show {accepted} --json").json["waits_for_person"], 60)
    assert (state(cli, first), state(cli, second)) == ("planned_failed_over", "planned_failing_over")
    shown = cli.must(f"job show {accepted}").out
    assert "Move the traffic" in shown
    cli.must(f"job answer {accepted} done")
    eventually(lambda: cli.must(f"job show {accepted} --json").json["state"] == "succeeded", 60)
    assert state(cli, second) == "planned_failed_over"


def test_a_preview_shows_what_a_run_would_do_and_why_it_would_not(cli, plan):
    name, first, second = plan
    shown = cli.must(f"plan preview {name} --verb planned-failover").out
    assert f"planned failover of plan {name}: 2 machines, away" in shown
    assert f"  {first}: a to b" in shown
    assert "all machines are shut down before the first one starts, group by group: 2, 1" in shown
    assert "  after: Traffic (waits for a person)" in shown
    assert f"left out: {second}: as asked" in cli.must(f"plan preview {name} --leave-out {second}").out
    refused = cli(f"plan preview {name} --verb commit")
    assert "has no machine to take for commit" in refused.err
    as_json = cli(f"plan preview {name} --verb commit --json")
    assert (as_json.exit, as_json.json["problem"]["code"]) == (refused.exit, "not-possible-now")
    assert refused.exit == 4
    assert cli(f"plan preview {name} --verb fly").exit == 2
    assert cli.must(f"plan preview {name} --json").json["direction"] == "away"


def test_without_somebody_who_can_be_asked_it_needs_yes(cli, plan):
    name, first, _ = plan
    refused = cli(f"plan failover {name}")
    assert (refused.exit, "--yes" in refused.err) == (2, True)
    assert state(cli, first) == "protected"


def _committed_away(cli, plan):
    """The plan's machines were failed over in need, committed, and not reprotected."""
    name, *_ = plan
    cli.must(f"plan failover {name} --yes --shut-down")
    cli.must(f"plan commit {name} --yes")


def _begun(cli, name, sync):
    """The id of the job, once it asks."""
    line = f"plan planned-failover {name} --data-sync {sync} --yes --no-wait --json"
    job_id = cli.must(line).json["job_id"]
    eventually(lambda: _shown(cli, job_id)["waits_for_person"], 60)
    return job_id


def _shown(cli, job_id):
    found = cli.must(f"job show {job_id} --json").json
    assert found["state"] != "failed", found
    return found


def test_a_plan_that_was_not_reprotected_comes_home_once_somebody_says_so(cli, plan):
    name, first, second = plan
    _committed_away(cli, plan)
    shown = cli.must(f"plan preview {name} --verb planned-failover --data-sync before").out
    assert "first all are synchronized while they run; then the job waits for you" in shown
    assert f"  {first}: b to a" in shown
    assert "original location, onto its old disks" in shown
    assert "recommended" in shown
    accepted = _begun(cli, name, "before")
    assert (state(cli, first), state(cli, second)) == ("protected", "protected")
    assert "run on at b and are protected back to a" in cli.must(f"job show {accepted}").out
    cli.must(f"job answer {accepted} complete")
    eventually(lambda: "Move the traffic" in cli.must(f"job show {accepted}").out, 60)
    cli.must(f"job answer {accepted} done")
    eventually(lambda: _shown(cli, accepted)["state"] == "succeeded", 60)
    assert (state(cli, first), state(cli, second)) == ("planned_failed_over", "planned_failed_over")


def test_a_plan_that_was_not_reprotected_comes_home_with_its_groups_down_one_after_the_other(cli, plan):
    name, first, second = plan
    _committed_away(cli, plan)
    shown = cli.must(f"plan preview {name} --verb planned-failover --data-sync during").out
    assert "group after group: its machines are shut down, everything is sent to new disks" in shown
    assert "alternate location, onto new disks" in shown
    refused = cli(f"plan planned-failover {name} --data-sync during --direction away --yes")
    assert (refused.exit, "for the way home" in refused.err) == (2, True)
    accepted = _begun(cli, name, "during")
    assert (state(cli, first), state(cli, second)) == ("planned_failed_over", "committed")
    cli.must(f"job answer {accepted} done")
    eventually(lambda: _shown(cli, accepted)["state"] == "succeeded", 60)
    assert state(cli, second) == "planned_failed_over"
