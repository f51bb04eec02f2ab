"""The network of a drill, as it is typed."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(cli, protected, tmp_path):
    file, name = tmp_path / "plan.json", f"plan-{protected}"
    file.write_text(json.dumps({"groups": [{"machines": [protected]}]}))
    cli.must(f"plan create {name} --file {file}")
    return name


def jobs(cli):
    return [job["id"] for job in cli.must("job list --json").json]


@pytest.mark.parametrize("noun", ["machine", "plan"])
def test_a_network_that_the_site_does_not_have_is_refused_before_there_is_a_job(cli, protected, plan, noun):
    name, before = {"machine": protected, "plan": plan}[noun], jobs(cli)
    refused = cli(f"{noun} test-failover {name} --network labb --yes")
    assert (refused.exit, "Site b has no network 'labb'." in refused.err) == (3, True), refused.err
    assert "'secondsite network list', or give one of: 'create', 'create-each', 'none'" in refused.err
    assert jobs(cli) == before
    assert cli.must(f"machine show {protected} --json").json["state"] == "protected"


def test_a_network_of_the_site_is_taken(cli, protected):
    (there,) = cli.must("network list --site b --json").json
    cli.must(f"machine test-failover {protected} --network {there['networks'][0]['name']} --yes")
    cli.must(f"machine cleanup-test-failover {protected} --yes")
