"""What would be in the way is told before anybody starts anything."""

import re

import pytest

from rig.machines import SimulatedMachine


def test_a_protected_machine_is_looked_at_at_both_sites_without_a_job(cli, protected):
    jobs = cli.must("job list --json").json
    said = cli.must(f"machine preflight {protected}")
    assert f"{protected} can be failed over from a to b now" in said.out
    seen = cli.must(f"machine preflight {protected} --json").json
    assert seen["ready"]
    assert any("a view at" in each and "s ago proves it" in each for each in seen["tried"])
    assert any(each.startswith("tried: a start at") for each in seen["tried"])
    assert not any(each["blocking"] for each in seen["obstacles"])
    assert cli.must("job list --json").json == jobs
    assert cli.must(f"machine show {protected} --json").json["state"] == "protected"


def test_a_copy_at_the_target_is_in_the_way(cli, rig, protected):
    """Somebody made a machine of that name there."""
    SimulatedMachine.make(protected, rig.home("appliance-b"), disk_bytes=(8 << 20,))
    said = cli(f"machine preflight {protected}")
    assert said.exit == 4, said
    assert "in the way at b: " in said.out
    assert f"{protected} cannot be failed over from a to b now" in said.out


def test_a_hook_whose_script_is_nowhere_is_told(cli, protected):
    cli.must(f"hook set {protected} give --script no-such-script --moment after_start")
    said = cli.must(f"machine preflight {protected} --json").json
    told = [each for each in said["obstacles"] if "no-such-script" in each["what"]]
    assert [(each["site"], each["blocking"]) for each in told] == [("a", False), ("b", False)]
    assert f"hook clear {protected}" in told[0]["do"]


def test_a_machine_that_is_not_protected_is_told_whether_it_can_be(cli, fresh):
    said = cli.must(f"machine preflight {fresh} --source a --target b")
    assert f"{fresh} can be protected from a to b now" in said.out
    assert re.search(
        r"^tried: a view of 1 disk at \S+ in \d+\.\d s\ntried: a start at \S+ in \d+\.\d s$", said.out, re.M
    )
    encrypted = cli(f"machine preflight {fresh} --source a --target b --encrypt")
    assert (encrypted.exit, "in the way at b: " in encrypted.out) == (4, True)
    assert "key" in encrypted.out
    cli.must(f"machine enable-protection {fresh} --source a --target b --json")


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("nobody", 3, "machine list"),
        ("nobody --source a --target b", 3, "nobody"),
        ("idle --source a", 2, "Give both"),
        ("idle --source a --target a", 2, "another site"),
        ("idle --source a --target nowhere", 3, "nowhere"),
        ("idle --source a --target b --target-appliance other", 3, "Its appliances are"),
    ],
)
def test_what_cannot_be_asked_says_why(cli, line, code, told):
    said = cli(f"machine preflight {line}")
    assert (said.exit, told in said.err) == (code, True), said


def test_of_a_protected_machine_the_failover_is_asked_for(cli, protected):
    said = cli(f"machine preflight {protected} --source a --target b")
    assert f"machine preflight {protected}" in said.err
    cli.must(f"machine failover {protected} --yes --while-running {protected}")
    assert cli(f"machine preflight {protected}").exit == 4
