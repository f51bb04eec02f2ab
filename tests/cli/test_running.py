"""The commands that start processes: they are the same with and without the rest of the command line."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

LOADED = """
import os, sys
os._exit = sys.exit
sys.argv = ["secondsite", *sys.argv[1:]]
from secondsite.entry import main
try:
    main.main()
except SystemExit as end:
    print(end.code, "secondsite.cli.app" in sys.modules, "httpx2" in sys.modules)
"""


def ended(*words):
    return subprocess.run([sys.executable, "-c", LOADED, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("noun", ["vault", "appliance"])
def test_a_process_that_runs_loads_nothing_of_the_command_line(noun):
    said = ended(noun, "run", "--help").stdout
    assert "in the foreground" in said
    assert said.splitlines()[-1] == "0 False False"


def test_a_home_that_is_none_is_refused_as_by_any_command(tmp_path):
    refused = ended("vault", "run", "--home", str(tmp_path / "none"))
    assert "error (not-found)" in refused.stderr
    assert "do: Run" in refused.stderr
    assert int(refused.stdout.split()[0]) == 3


SERVES = """
import sys
from pathlib import Path
from secondsite.domain import errors
from secondsite.entry import running
try:
    running.COMMANDS[sys.argv[1], "run"](Path(sys.argv[2]))
except errors.NotFound:
    print(*(name in sys.modules for name in ("structlog", "rich", "pygments")))
"""


@pytest.mark.parametrize("noun", ["vault", "appliance"])
def test_a_service_loads_nothing_that_shows_things_on_screens(noun, tmp_path):
    words = (sys.executable, "-c", SERVES, noun, str(tmp_path / "none"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False False\n"


HELD_UP = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from secondsite.entry import main, running

def command():
    ThreadPoolExecutor(1).submit(time.sleep, 60)
    print("stopped")
    if sys.argv[3:]:
        raise ValueError("it failed")

running.COMMANDS["appliance", "run"] = command
running.run = lambda command, words: command() or 0
main.main()
"""


@pytest.mark.parametrize(("words", "code"), [((), 0), (("fails",), 1)])
def test_a_process_that_has_stopped_ends_although_one_of_its_threads_works(words, code):
    """As long as a script ran, the appliance that had been told to end was neither there nor gone."""
    told = ["appliance", "run", *words]
    done = subprocess.run([sys.executable, "-c", HELD_UP, *told], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (code, "stopped\n")
    assert ("ValueError: it failed" in done.stderr) is bool(words)
