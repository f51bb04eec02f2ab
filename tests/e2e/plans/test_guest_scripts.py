"""A plan's script runs inside a real machine: in the copy of a test failover, and in the machine itself
once it has moved."""

import json
import tempfile
from pathlib import Path

import pytest

import guestkit
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
SCRIPT = """
told=$(cat)
case $told in *'"guest":"web01"'*) ;; *) exit 9 ;; esac
case $told in *'"is_drill":true'*) echo 'a drill' ;; *) echo 'in earnest' ;; esac
"""
OPEN = {"name": "Open", "script": "open-shop", "guest": "web01", "timeout_seconds": 60}


@pytest.fixture(scope="module")
def rig():
    guests = {"web01": {"workload": guestkit.Workload(records_per_second=4), "kind": guestkit.Kind.AGENT}}
    with e2e.guests_under(guests, folder=Path(tempfile.mkdtemp(prefix="ss-"))) as rig:
        furnish(rig)
        protect = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        file = rig.folder / "shop.json"
        file.write_text(json.dumps({"groups": [{"machines": ["web01"], "after": [OPEN]}]}))
        command_line.told(rig, "plan", "create", "shop", "--file", str(file))
        rig.new_points("web01")
        yield rig


def furnish(rig):
    """Site b has the script, which only its owner reads."""
    home = rig.home("appliance-b")
    folder = home / "scripts"
    folder.mkdir(mode=0o700)
    (folder / "open-shop").write_text(SCRIPT)
    (folder / "open-shop").chmod(0o600)
    settings = home / "appliance.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "script_folder": str(folder)}))
    rig.appliances["b"].stop()
    rig.appliances["b"].start()


def told(rig, verb, *words):
    job = command_line.told(rig, "plan", verb, "shop", "--yes", *words)
    assert job["state"] == "succeeded", job
    return next(task["sentence"] for task in job["tasks"] if task["name"].endswith("Open"))


def test_in_a_test_failover_it_runs_in_the_copy(rig):
    said = told(rig, "test-failover")
    assert said.startswith("open-shop in web01 succeeded after ")
    assert "a drill" in said
    command_line.told(rig, "plan", "cleanup-test-failover", "shop", "--yes", "--notes", "opened")


def test_after_a_failover_it_runs_in_the_machine(rig):
    assert "in earnest" in told(rig, "failover")
