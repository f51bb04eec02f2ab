"""Reading a recovery point again, as a person asks for it."""

import pytest

pytestmark = pytest.mark.slow


def test_a_point_is_verified_with_one_sentence_and_shown_so(cli, protected):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    assert f"point {point_id} is what was sealed" in cli.must(f"point verify {protected} {point_id}").out
    assert "accepted" in cli.must(f"point verify {protected} {point_id} --no-wait").out
    assert cli.must(f"point verify {protected} {point_id} --json").json["verb"] == "verify_point"
    assert cli(f"point verify {protected} nothing").exit == 3


def test_a_point_is_booted_to_be_looked_at_and_the_machine_says_so(rig, cli, protected):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    said = cli.must(f"point verify {protected} {point_id} --boot --network none --or-older 2").out
    assert "it is removed" in said
    shown = cli.must(f"machine show {protected} --json").json
    assert (shown["booted"]["point_id"], shown["drill"]["state"], shown["state"]) == (
        point_id,
        "none",
        "protected",
    )
    assert f"from {point_id}" in cli.must(f"machine show {protected}").out
    assert "Add --boot" in cli(f"point verify {protected} {point_id} --network none").err
    assert "Add --boot" in cli(f"point verify {protected} {point_id} --or-older 2").err
    assert cli(f"point verify {protected} {point_id} --boot --or-older 13").exit == 2


def test_a_site_says_what_it_gives_to_copies_that_are_looked_at(rig, cli):
    said = cli.must(
        "site verify b --every 7d --memory 4GiB --at-once 2 --hours 22:00-06:00 --network isolated"
    ).out
    assert "every 7 days 22:00-06:00 UTC; 2 copies at once, 4 GiB together, in isolated networks" in said
    assert cli.must("site show b --json").json["verification"]["every_days"] == 7
    assert "whole days" in cli("site verify b --every 90m").err
    assert cli("site verify b --hours 25:00-26:00").exit == 2
    assert "on demand only; 1 copy at once" in cli.must("site verify b").out
