"""The seams themselves: silent in production, fatal where a test says so."""

import signal
import subprocess
import sys
from typing import Any

from secondsite.ground import seams

LOOP = """
from secondsite.ground import seams
for number in range(10):
    seams.reach(f"seam {number}")
print("survived")
"""


def run(path):
    environment = {"SECONDSITE_SEAM_FILE": str(path), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run([sys.executable, "-c", LOOP], env=environment, capture_output=True, timeout=30)


def test_the_nth_reach_kills_the_process_once(tmp_path):
    file = tmp_path / "seam"
    file.write_text("4")
    assert run(file).returncode == -signal.SIGKILL
    assert (tmp_path / "seam.hit").read_text() == "seam 3"
    assert not file.exists()
    assert run(file).stdout == b"survived\n"


def test_a_number_that_is_not_reached_is_counted_down(tmp_path):
    file = tmp_path / "seam"
    file.write_text("15")
    assert run(file).returncode == 0
    assert int(file.read_text()) == 5


def test_an_armed_callback_hears_every_name_until_the_block_ends():
    heard: list[Any] = []
    with seams.armed(heard.append):
        seams.reach("a")
    seams.reach("b")
    assert heard == ["a"]
