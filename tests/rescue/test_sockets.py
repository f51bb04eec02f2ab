"""Who has no login session has no folder in /run: a machine starts by plain QEMU all the same, or nothing
is noted of it."""

import os
from pathlib import Path

import pytest

from secondsite.rescue.problems import Problem
from secondsite.rescue.running import qemu

ODD = f"m-{os.getpid()}"
"""What else runs on this host has its folder in /run, too."""
NAME = f"secondsite-rescue-{os.getuid()}"


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Neither /run nor /run/user may be written."""
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    monkeypatch.setattr(qemu, "TEMPORARY", tmp_path)
    return tmp_path


def test_its_sockets_lie_in_a_folder_of_its_user_that_nobody_else_enters(nowhere):
    qemu.prepare("m1")
    folder = qemu.sockets("m1")
    assert folder.parent == nowhere / NAME
    assert folder.parent.stat().st_mode & 0o777 == folder.stat().st_mode & 0o777 == 0o700
    qemu.prepare("m1")


@pytest.mark.parametrize("made", ["a link", "open to all"])
def test_a_folder_that_somebody_else_has_made_is_not_taken(nowhere, made):
    own = nowhere / NAME
    if made == "a link":
        (nowhere / "other").mkdir()
        own.symlink_to(nowhere / "other")
    else:
        own.mkdir()
        own.chmod(0o777)
    with pytest.raises(Problem, match="others may write to it") as told:
        qemu.prepare("m1")
    assert "/run/user" in told.value.do


def test_one_that_runs_is_found_where_it_was_started(nowhere, monkeypatch):
    qemu.prepare(ODD)
    started = qemu.sockets(ODD)
    (started / "qmp").touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) == Path("/run"))
    assert qemu.sockets(ODD) == started
