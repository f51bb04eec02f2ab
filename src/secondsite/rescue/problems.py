"""The error of this program, with what to do."""

from __future__ import annotations


class Problem(Exception):
    """Something went wrong. `what`: what happened, to what; `do`: what helps."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what, self.do = what, do
