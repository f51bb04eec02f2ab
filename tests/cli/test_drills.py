"""Drills with a verdict, drills that clean up by themselves, and schedules of them, at the command line."""

import pytest

pytestmark = pytest.mark.slow


def test_a_verdict_is_shown_with_the_machine(cli, protected):
    waits = cli.must(f"machine test-failover {protected} --yes").out
    assert f"cleanup-test-failover {protected} --verdict passed" in waits
    assert "running since" in cli.must(f"machine show {protected}").out
    ended = cli.must(f"machine cleanup-test-failover {protected} --verdict failed --notes nologin --yes").out
    assert "verdict: failed; notes kept: nologin" in ended
    shown = cli.must(f"machine show {protected}").out
    assert "(failed): nologin" in shown
    assert "drill-failed" in shown
    assert cli(f"machine cleanup-test-failover {protected} --verdict odd --yes").exit == 2


def test_a_drill_ends_by_itself(cli, protected):
    assert "Complete testing" in cli.must(f"machine test-failover {protected} --clean-up --yes").out
    machine = cli.must(f"machine show {protected} --json").json
    assert (machine["drill"]["state"], len(machine["drill"]["notes"])) == ("none", 1)
    said = cli(f"machine test-failover {protected} --keep-if-failed --yes")
    assert (said.exit, "--clean-up" in said.err) == (2, True)


def test_a_plan_is_drilled_and_ends_by_itself(cli, protected):
    name = f"plan-{protected}"
    cli.must(f"plan create {name} --group {protected}")
    assert "Group 1: Clean up (1)" in cli.must(f"plan test-failover {name} --clean-up --yes").out
    assert cli.must(f"machine show {protected} --json").json["drill"]["state"] == "none"
    cli.must(f"plan delete {name} --yes")


def test_a_schedule_is_made_changed_run_paused_and_removed(cli, protected):
    name = f"s-{protected}"
    wanted = f"drill schedule set {name} --machine {protected} --at 02:00"
    assert "30 days, at 02:00 UTC" in cli.must(f"{wanted} --every 30d").out
    assert protected in cli.must("drill schedule list").out
    cli.must(f"drill schedule pause {name}")
    changed = cli.must(f"{wanted} --every 7d --json").json
    assert (changed["every_days"], changed["paused"]) == (7, True)
    assert "Complete testing" in cli.must(f"drill run {name}").out
    assert "paused" in cli.must(f"drill schedule show {name}").out
    resumed = cli.must(f"drill schedule resume {name} --json").json
    assert (resumed["paused"], resumed["last"]["state"]) == (False, "succeeded")
    assert cli(f"{wanted} --every 90m").exit == 2
    assert cli(f"{wanted} --every 1d --plan nosuch").exit == 3
    cli.must(f"drill schedule remove {name} --yes")
    assert cli(f"drill schedule show {name}").exit == 3
    assert cli(f"drill run {name}").exit == 3
