"""A child process ends with the process that made it, also if that one dies at the very beginning."""

import os
import subprocess
import sys

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow

MAKES_A_CHILD = """
import os, sys
from secondsite.ground.processes import children
with open(sys.argv[1], "wb") as log:
    children.start(["sh", "-c", "echo $$; exec sleep 600"], log, os.environ)
    if sys.argv[2] == "and waits":
        sys.stdin.read()
"""
SLOW = """#!/bin/sh
parent=$PPID
while [ "$(ps -o ppid= -p $$ | tr -d ' ')" = "$parent" ]; do sleep 0.02; done
exec {setpriv} "$@"
"""
"""A setpriv that is not run before its parent is dead."""


def made(tmp_path, what, **environment):
    path = [sys.executable, "-c", MAKES_A_CHILD, str(tmp_path / "log"), what]
    return subprocess.Popen(path, stdin=subprocess.PIPE, env={**os.environ, **environment})


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_dies_with_its_parent(tmp_path):
    parent = made(tmp_path, "and waits")
    log = tmp_path / "log"
    child = int(eventually(lambda: log.exists() and log.read_text()))
    assert is_alive(child)
    parent.kill()
    parent.communicate()
    eventually(lambda: not is_alive(child))


def test_a_child_whose_parent_dies_before_it_is_bound_to_it_never_runs(tmp_path):
    """It would bind the sockets of the one that the next process starts."""
    slow = tmp_path / "bin" / "setpriv"
    slow.parent.mkdir()
    found = subprocess.run(["sh", "-c", "command -v setpriv"], capture_output=True, text=True, check=True)
    slow.write_text(SLOW.format(setpriv=found.stdout.strip()))
    slow.chmod(0o755)
    made(tmp_path, "and ends", PATH=f"{slow.parent}:{os.environ['PATH']}").communicate()
    log = tmp_path / "log"
    eventually(lambda: not holders(log))
    assert log.read_text() == ""


def holders(path):
    """Processes that have the file open."""
    found = subprocess.run(
        ["sh", "-c", f"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -F {path}"], capture_output=True
    )
    return found.stdout
