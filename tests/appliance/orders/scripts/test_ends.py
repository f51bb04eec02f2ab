"""Nothing that a script has started outlives its deadline or the appliance, wherever it went: real
processes, root's and another user's."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rig.eventually import eventually
from tests.appliance.orders.scripts.support_scripts import ran, runs, write

pytestmark = pytest.mark.slow
ESCAPES = """
setsid sh -c 'echo $$ >>{folder}/children; exec sleep 600' &
setsid sh -c '(sh -c "echo \\$\\$ >>{folder}/children; exec sleep 600" &) ; exit' &
(setsid sh -c 'trap "" TERM HUP INT; echo $$ >>{folder}/children; while :; do sleep 1; done' &)
until [ "$(wc -l <{folder}/children)" = 3 ]; do sleep 0.01; done
"""
RUN = (
    "import pathlib, sys; from secondsite.appliance.orders.scripts import process; "
    "print(process.run(pathlib.Path(sys.argv[1]), b'', float(sys.argv[2])))"
)


@pytest.fixture
def escapes(folder):
    (folder / "children").touch()
    yield ESCAPES.format(folder=folder)
    for pid in children(folder):
        if runs(pid):
            os.kill(pid, signal.SIGKILL)


def children(folder):
    return [int(line) for line in (folder / "children").read_text().split()]


def all_end(folder):
    eventually(lambda: not any(map(runs, children(folder))), 20)


def test_at_its_deadline_processes_of_other_sessions_are_killed_too(site, folder, escapes):
    write(folder, escapes + "sleep 600")
    sentence, facts = ran(site, timeout_seconds=4)
    assert (sentence, facts["exit_status"]) == ("script was killed after 4 s", None)
    assert len(children(folder)) == 3
    all_end(folder)


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_the_appliance_however_that_ends(folder, escapes, ends):
    path = write(folder, escapes + f"echo $$ >>{folder}/children; sleep 600")
    appliance = subprocess.Popen([sys.executable, "-c", RUN, str(path), "600"])
    eventually(lambda: len(children(folder)) == 4, 20)
    appliance.send_signal(ends)
    appliance.wait()
    all_end(folder)


def test_no_privileges_are_needed_for_that():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, 65534, 65534)
        (folder / "children").touch()
        os.chown(folder / "children", 65534, 65534)
        path = write(folder, ESCAPES.format(folder=folder) + "sleep 600")
        ran = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "--no-new-privs", sys.executable, "-c", RUN,
            path, "4"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert ran.stdout.startswith("ScriptExit(status=None")
        assert len(children(folder)) == 3
        all_end(folder)


def test_if_the_supervisor_itself_is_killed_the_script_ends(folder):
    path = write(folder, f"echo $$ >>{folder}/children; kill -9 $PPID; sleep 600")
    ran = subprocess.run([sys.executable, "-c", RUN, path, "60"], check=True, capture_output=True, text=True)
    assert ran.stdout.startswith("ScriptExit(status=-9")
    all_end(folder)


def test_what_it_leaves_running_when_it_ends_by_itself_goes_on(site, folder, escapes):
    """A service that it started."""
    write(folder, escapes + "echo done")
    assert ran(site)[1] | {"seconds": 0} == {
        "exit_status": 0,
        "interrupted": False,
        "seconds": 0,
        "output": "done",
    }
    assert [runs(pid) for pid in children(folder)] == [True] * 3


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ("exit 3", 3),
        ("kill -9 $$", -9),
        ("kill -TERM $$", -15),
        ("kill -SEGV $$", -11),
        ("kill 0; sleep 60", -15),
    ],
)
def test_its_end_is_told_as_it_was(site, folder, ends, status):
    write(folder, ends)
    assert ran(site)[1]["exit_status"] == status
