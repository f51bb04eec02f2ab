"""What goes wrong, and what to do then."""

from __future__ import annotations


class Problem(Exception):
    """`what` happened, to what; `do`: what helps."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what, self.do = what, do
