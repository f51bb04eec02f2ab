"""Whether anything starts at an appliance's host is told when it is asked for."""


def test_an_appliance_tries_its_host_when_asked(cli, rig):
    name = cli.must("appliance list --json").json[0]["name"]
    said = cli.must(f"appliance check {name}")
    assert "tried: a start in" in said.out
    assert f"machines start at {name}" in said.out
    seen = cli.must(f"appliance check {name} --json").json
    assert (seen["ready"], seen["obstacles"]) == (True, [])


def test_an_appliance_that_nobody_knows_cannot_be_asked(cli):
    assert cli("appliance check nobody").exit == 3
