"""The old copy of a failed-over machine is started all the same, as a person orders it, with a vault and
without one."""

import io
import json
import subprocess
import sys

import pytest

from rig.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def left(cli, protected, rig):
    """The name of a machine that runs at b; its old copy is at a."""
    rig.new_points(protected)
    cli.must(f"machine planned-failover {protected} --json --yes")
    return protected


def finding(cli, machine):
    found = cli.must(f"machine show {machine} --json").json["findings"]
    return {each["code"]: each["what"] for each in found}.get("source-running-after-failover")


def test_it_is_a_job_that_is_asked_for_with_its_risk(cli, left):
    refused = cli(f"machine start-anyway {left} --site a --json")
    assert (refused.exit, refused.problem["code"]) == (2, "invalid-argument")
    assert "two copies" in refused.problem["message"]
    assert "--yes" in refused.problem["do"]
    assert cli(f"machine start-anyway {left} --site b --yes").exit == 2
    done = cli.must(f"machine start-anyway {left} --site a --yes --json").json
    assert (done["verb"], done["state"]) == ("start_anyway", "succeeded")
    assert eventually(lambda: finding(cli, left), 30)
    assert "machine start-anyway" not in cli.must("job list --json").err


def test_as_json_it_prints_nothing_else_and_asks_beside_it(cli, left, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    said = cli.must(f"machine start-anyway {left} --site a --json")
    assert said.json["verb"] == "start_anyway"
    assert "there are two copies then" in said.err
    assert "Start the old copy?" in said.err


def test_at_the_site_it_needs_no_vault_but_a_stopped_appliance(cli, left, rig):
    home = rig.home("appliance-a")
    command = [
        sys.executable,
        "-m",
        "secondsite.entry.main",
        "appliance",
        "start-anyway",
        left,
        "--yes",
        "--json",
    ]
    command += ["--home", str(home)]
    running = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Stop it first" in running.stderr
    rig.appliances["a"].kill()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    rig.appliances["a"].start()
    assert done.returncode == 0, done.stderr
    assert "against its fence" in json.loads(done.stdout)["sentence"]
    assert eventually(lambda: finding(cli, left), 60)
