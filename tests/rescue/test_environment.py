"""Rescue is typed on a bad day, on a host that nobody set up: it answers all the same."""

import os
import signal
import subprocess
import sys

import pytest

from secondsite import rescue

ODD = {"PATH": "/nowhere", "LC_ALL": "xx_XX.nonsense", "LANGUAGE": "de", "COLUMNS": "0", "PYTHONIOENCODING": "ascii", "TZ": "No/Where",  # noqa: E501
       "PYTHONWARNINGS": "error", "HOME": "/dev/null"}  # fmt: skip


@pytest.fixture
def typed(tmp_path):
    (tmp_path / rescue.NAME).write_bytes(rescue.bundle())
    (tmp_path / "replicas").mkdir()

    def typed(shell='exec "$@"', words=("list",), **odd):
        command = ["/bin/sh", "-c", shell, "-", sys.executable, str(tmp_path / rescue.NAME), *words]
        return subprocess.run(
            command, env={"PATH": os.environ["PATH"], **odd}, capture_output=True, text=True, timeout=60,
            check=False
        )  # fmt: skip

    return typed


def test_odd_variables_change_no_answer(typed):
    plain, odd = typed(), typed(**ODD)
    assert (odd.returncode, odd.stdout, odd.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_a_name_that_cannot_be_shown_as_it_is_is_shown_nevertheless(typed):
    said = typed(words=("points", "wéb"), PYTHONIOENCODING="ascii")
    assert said.returncode == 1
    assert r"w\xe9b" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("shell", "code"),
    [('exec "$@" >/dev/full', 1), ('exec "$@" 2>/dev/full', 0), ('exec "$@" <&- >&- 2>&-', 0)],
)
def test_odd_streams_give_the_answer_or_a_clear_error(typed, shell, code):
    said = typed(shell)
    assert said.returncode == code
    assert "Traceback" not in said.stderr
    assert ("No space left on device" in said.stderr) == (code == 1)


def test_ctrl_c_while_it_is_loaded_ends_it_without_a_word(typed, tmp_path):
    (tmp_path / "argparse.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    said = typed(PYTHONPATH=str(tmp_path))
    assert (said.returncode, said.stderr) == (-signal.SIGINT, "")
