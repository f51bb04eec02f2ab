"""Somebody who looks at the hosts of both sites all the time: which copy ran where, and from when to when for
sure.

What runs is looked up in the fabrics; the vault is never asked. A look takes a while, so an instant is
known only from two sides."""

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from rig.background import Background
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState

LOOK_SECONDS = 0.06
DRILL = "-test"
"""The end of the name of a copy that a test failover starts."""


@dataclass(frozen=True, slots=True)
class Span:
    """A copy that ran at a site without a break. It was off at `off_at` (0: nobody looked before) and ran
    for sure from `from_at` until `until_at` (seconds since the epoch)."""

    machine: str
    site: str
    off_at: float
    from_at: float
    until_at: float


class Watch(Background):
    """Looks while its block lasts."""

    def __init__(self, machines: Sequence[str], roots: Mapping[str, Path]) -> None:
        super().__init__({"watch of hosts": self._live})
        self._names = frozenset({*machines, *(f"{each}{DRILL}" for each in machines)})
        self._fabrics = {site: simulated.open_fabric(root) for site, root in roots.items()}
        self._ended: list[Span] = []
        self._now: dict[tuple[str, str], Span] = {}
        self._off: dict[tuple[str, str], float] = {}
        self._guard = threading.Lock()

    def spans(self, since: float) -> tuple[Span, ...]:
        """Of all that ran at that instant or later, the earliest first."""
        with self._guard:
            found = [*self._ended, *self._now.values()]
        return tuple(
            sorted((each for each in found if each.until_at >= since), key=lambda each: each.from_at)
        )

    def look(self) -> None:
        """At both sites, once."""
        for site, fabric in self._fabrics.items():
            before = time.time()
            with contextlib.suppress(errors.SecondsiteError, FileNotFoundError):
                found = fabric.inventory.list()
                running = {each.name for each in found if each.power is PowerState.RUNNING}
                self.saw(site, running & self._names, before, time.time())

    def _live(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            self.look()

    def saw(self, site: str, running: Set[str], before: float, after: float) -> None:
        """Between these instants these ran at the site, and no others."""
        with self._guard:
            for name in self._names:
                self._saw_one((name, site), name in running, before, after)

    def _saw_one(self, at: tuple[str, str], runs: bool, before: float, after: float) -> None:
        known = self._now.get(at)
        if not runs:
            self._off[at] = before
            if known is not None:
                self._ended.append(self._now.pop(at))
        elif known is None:
            self._now[at] = Span(*at, self._off.get(at, 0.0), after, after)
        else:
            self._now[at] = replace(known, until_at=max(before, known.until_at))
