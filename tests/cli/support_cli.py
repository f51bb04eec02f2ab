"""One command in this process, as a person would type it, with what it printed and its exit code."""

import contextlib
import json
import shlex
import sqlite3
from dataclasses import dataclass

from secondsite.cli import app
from secondsite.entry import commands as _with_processes  # noqa: F401 - registers 'init', 'run', 'enroll'


@dataclass(frozen=True)
class Said:
    exit: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def problem(self):
        return json.loads(self.err)["error"]


class CommandLine:
    """`cli("machine list")`: runs against the vault that the environment names."""

    def __init__(self, capsys) -> None:
        self._capsys = capsys

    def __call__(self, line: str) -> Said:
        self._capsys.readouterr()
        code = app.run(shlex.split(line))
        printed = self._capsys.readouterr()
        return Said(int(code), printed.out, printed.err)

    def must(self, line: str) -> Said:
        said = self(line)
        assert said.exit == 0, f"secondsite {line}\n{said.out}{said.err}"
        return said


def forget_inventory(rig, site: str) -> None:
    """The rig's vault remembers no longer what that site has."""
    with (
        contextlib.closing(sqlite3.connect(rig.home("vault") / "vault.db", timeout=20)) as database,
        database,
    ):
        database.execute("DELETE FROM site_inventories WHERE site = ?", (site,))
