"""The error of this program, with what to do."""

from __future__ import annotations


class Problem(Exception):
    """Something went wrong. `what`: what happened, to what; `do`: what helps."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what, self.do = what, do


class Refused(Problem):
    """Libvirt refused to define or start a machine: it does not run."""
