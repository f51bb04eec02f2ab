"""Orders to die at a seam, as the sweep gives them: to the process itself, or to a daemon it works with."""

import signal
import subprocess
import sys

from secondsite.ground import seams

LOOP = """
from secondsite.ground import seams
for number in range(10):
    seams.reach(f"seam {number}")
print("survived")
"""


def run(path):
    environment = {seams.ENVIRONMENT: str(path), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run([sys.executable, "-c", LOOP], env=environment, capture_output=True, timeout=30)


def test_the_process_dies_at_the_reach_that_was_ordered(tmp_path):
    seams.order(tmp_path / "seam", 12)
    assert run(tmp_path / "seam").stdout == b"survived\n"
    assert run(tmp_path / "seam").returncode == -signal.SIGKILL
    assert (tmp_path / "seam.hit").read_text() == "seam 1"


def test_only_the_seam_that_is_named_counts(tmp_path):
    seams.order(tmp_path / "seam", 1, seam="seam 7")
    assert run(tmp_path / "seam").returncode == -signal.SIGKILL
    assert (tmp_path / "seam.hit").read_text() == "seam 7"
    seams.order(tmp_path / "seam", 2, seam="seam 7")
    assert run(tmp_path / "seam").stdout == b"survived\n"


def test_a_daemon_dies_in_the_middle_of_our_effect_and_we_go_on(tmp_path):
    daemon = subprocess.Popen(["sleep", "60"])
    (tmp_path / "daemon.pid").write_text(str(daemon.pid))
    seams.order(tmp_path / "seam", 3, tmp_path / "daemon.pid")
    assert run(tmp_path / "seam").stdout == b"survived\n"
    assert daemon.wait(10) == -signal.SIGKILL
    assert (tmp_path / "seam.hit").read_text() == "seam 2"


def test_a_daemon_that_is_not_there_is_killed_by_nobody(tmp_path):
    seams.order(tmp_path / "seam", 1, tmp_path / "absent.pid")
    assert run(tmp_path / "seam").stdout == b"survived\n"
