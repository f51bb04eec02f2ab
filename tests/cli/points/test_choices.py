"""What may be chosen to start from, as people read it."""

import re

import pytest

pytestmark = pytest.mark.slow
INSTANT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"


def lines(shown):
    return dict(line.split(maxsplit=1) for line in shown.splitlines()[1:] if line.strip())


def test_a_machine_s_choices_each_say_their_instant_and_what_is_lost(cli, protected):
    shown = lines(cli.must(f"point choices {protected}").out)
    assert list(shown) == ["latest", "latest_processed", "custom"]
    assert re.fullmatch(rf"{INSTANT}, loses .+ at most", shown["latest_processed"].strip())
    assert f"secondsite point list {protected}" in shown["custom"]
    told = cli.must(f"point choices {protected} --verb test-failover --json").json
    assert [each["choice"] for each in told["choices"]] == list(shown)


def test_a_plan_s_choices_are_those_of_all_its_machines(cli, protected, fresh_too):
    cli.must(f"machine enable-protection {fresh_too} --source a --target b --json")
    cli.must(f"plan create plan-{protected} --group {protected},{fresh_too}")
    shown = lines(cli.must(f"plan choices plan-{protected}").out)
    assert list(shown) == ["latest", "latest_processed"]
    assert re.search(rf"{INSTANT}, loses .+ at most", shown["latest_processed"])
    moved = lines(cli.must(f"plan choices plan-{protected} --verb planned-failover").out)
    assert moved == {"latest": "the last state, loses nothing"}


def test_a_kind_of_point_for_the_way_there_is_refused_and_nothing_begins(cli, protected):
    refused = cli(f"machine planned-failover {protected} --choice latest_app_consistent --yes")
    assert (refused.exit, "loses nothing" in refused.err) == (2, True)
    assert cli.must(f"machine show {protected} --json").json["state"] == "protected"
    assert cli(f"point choices {protected} --verb commit").exit == 2
