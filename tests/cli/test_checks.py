"""Checks of machines at the command line."""

import pytest

pytestmark = pytest.mark.slow


def test_a_check_is_set_shown_replaced_and_cleared(cli, protected):
    assert "Nothing is checked" in cli.must(f"check list {protected}").out
    shown = cli.must(f"check set {protected} page --kind http --path /alive --text up --from 10.1.2.9/24").out
    assert "200 with 'up' at port 80, /alive" in shown
    assert "10.1.2.9/24" in shown
    cli.must(f"check set {protected} prompt --kind console --text login: --deadline 5")
    cli.must(f"check set {protected} agent --kind agent")
    found = cli.must(f"check set {protected} page --kind tcp --port 22 --json").json["checks"]
    assert [(each["name"], each["kind"]) for each in found] == [
        ("page", "tcp"),
        ("prompt", "console"),
        ("agent", "agent"),
    ]
    assert len(cli.must(f"check clear {protected} page --json").json["checks"]) == 2
    assert cli.must(f"check clear {protected} --json").json["checks"] == []


def test_what_is_no_check_is_refused_with_the_way_out(cli, protected):
    said = cli(f"check set {protected} ssh --kind tcp")
    assert (said.exit, "needs a port" in said.err, "check set --help" in said.err) == (2, True, True)
    said = cli(f"check clear {protected} nosuch")
    assert (said.exit, "check list" in said.err) == (3, True)
    assert cli("check list nosuch").exit == 3
