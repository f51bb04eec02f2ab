"""The agent's own tests of what it decides: Go's, run by Go."""

import shutil
import subprocess

import pytest

from . import support_agent as support

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed; next: ./dev agent")


@needs_go
def test_the_tests_of_its_packages_pass():
    ended = subprocess.run(
        [support.TOP / "agent" / "build", support.PROGRAM.parent, "test"],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_is_one_file_that_needs_no_library():
    said = subprocess.run(["ldd", support.PROGRAM], capture_output=True, text=True, timeout=60)
    assert "not a dynamic executable" in said.stdout + said.stderr
