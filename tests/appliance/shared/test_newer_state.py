"""An appliance whose state a newer release has written does not start: what it does not know may be what
keeps machines safe."""

import contextlib
import sqlite3

import pytest

from secondsite.appliance.shared.state import VERSION, State
from secondsite.domain import errors


def said(path, *, put=None):
    with contextlib.closing(sqlite3.connect(path)) as database:
        if put is not None:
            database.execute(f"PRAGMA user_version = {put}")
        return database.execute("PRAGMA user_version").fetchone()[0]


def test_the_state_of_a_newer_release_is_refused_with_the_reason_and_left_alone(tmp_path):
    path = tmp_path / "appliance.db"
    State(path).close()
    said(path, put=VERSION + 1)
    before = path.read_bytes()
    with pytest.raises(
        errors.NotPossibleNow, match=f"its version is {VERSION + 1}.*up to {VERSION}"
    ) as refused:
        State(path)
    assert "with the newer release" in refused.value.do
    assert path.read_bytes() == before


def test_that_of_an_older_release_is_used_and_marked(tmp_path):
    path = tmp_path / "appliance.db"
    State(path).close()
    said(path, put=0)
    State(path).close()
    assert said(path) == VERSION
