"""Following a job while things happen to the follower, and to the vault."""

import os
import re
import signal
import subprocess
import sys

import pytest

from rig import processes
from rig.eventually import eventually

pytestmark = pytest.mark.slow


def start(rig, *arguments):
    """A `secondsite` process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "secondsite.entry.main", *arguments],
        env=processes.environment() | {"SECONDSITE_CLIENT": str(rig.home("vault") / "client.json")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def moving(cli, machine):
    return [job for job in cli.must(f"job list --machine {machine} --json").json if job["ended_at"] is None]


def test_a_follower_outlives_a_vault_that_is_killed_and_started_again(rig, cli, protected):
    os.kill(rig.appliances["b"].pid, signal.SIGSTOP)
    try:
        follower = start(rig, "machine", "test-failover", protected, "--yes")
        eventually(lambda: moving(cli, protected), within_seconds=30)
        rig.vault.kill()
        rig.vault.start()
    finally:
        os.kill(rig.appliances["b"].pid, signal.SIGCONT)
    out, err = follower.communicate(timeout=90)
    rig.wait_connected()
    assert follower.returncode == 0, out + err
    assert "done    Start" in out


def test_ctrl_c_stops_watching_and_the_job_goes_on(rig, cli, protected):
    os.kill(rig.appliances["b"].pid, signal.SIGSTOP)
    try:
        follower = start(rig, "machine", "test-failover", protected, "--yes")
        (job,) = eventually(lambda: moving(cli, protected), within_seconds=30)
        listed = cli.must(f"job list --machine {protected}").out
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=30)
    finally:
        os.kill(rig.appliances["b"].pid, signal.SIGCONT)
    assert follower.returncode in (130, -signal.SIGINT), out + err
    assert "Traceback" not in err
    assert f"secondsite job follow {job['id']}" in err
    assert "Prerequisites check" in listed
    assert cli.must(f"job follow {job['id']}").exit == 0


def test_a_failed_job_says_why_and_where_to_look(rig, cli, protected):
    said = cli(
        f"machine failover {protected} --choice latest_app_consistent --yes --while-running {protected}"
    )
    assert said.exit in (1, 10)
    assert "  do: " in said.err
    assert "failed  Prerequisites check" in said.out
    assert "not reached" not in said.out
    (shown,) = re.findall(r"secondsite job show (\w+)", said.out)
    assert "not reached" in cli.must(f"job show {shown}").out


def test_a_failed_job_advises_with_the_name_of_its_machine(rig, cli, protected):
    said = cli(f"machine failover {protected} --point nosuch --yes --while-running {protected}")
    assert f"secondsite point list {protected}" in said.err
    assert "MACHINE" not in said.err


def test_a_narrow_terminal_and_no_colour_are_respected(rig):
    environment = {"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-m", "secondsite.entry.main", "appliance", "list"],
        env=processes.environment()
        | {"SECONDSITE_CLIENT": str(rig.home("vault") / "client.json")}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rows = [line for line in done.stdout.splitlines() if not line.startswith("    ")]
    assert all(len(line) <= 60 for line in rows)
    assert "certificate until" in done.stdout
    assert os.linesep in done.stdout
