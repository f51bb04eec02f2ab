"""The commands that start processes: they are the same with and without the rest of the command line."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

LOADED = """
import sys
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
