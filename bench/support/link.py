"""A wire between two sites on one machine: two network namespaces joined by a veth pair that carries so much
and no more.

Both directions are shaped by a token bucket at the sending end (tc-tbf(8)); a bucket of one millisecond and a
queue of some more let a stream run at the rate and not above it. Needs root.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from types import TracebackType
from typing import Self

from bench.errors import NotMeasured
from rig.appliances import Place

NETWORK = "10.213.77"
BURST = "256kb"
QUEUE = "20ms"


class Link:
    """Namespaces `a` and `b`; `with` takes both away again."""

    def __init__(self, rate: str) -> None:
        self._rate = rate
        self._tag = f"ssb{secrets.token_hex(3)}"

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def place(self, site: str) -> Place:
        """Where a process of this site runs and where it listens."""
        number = {"a": 1, "b": 2}[site]
        return Place(f"{NETWORK}.{number}", ("ip", "netns", "exec", self._name(site)))

    def _name(self, site: str) -> str:
        return f"{self._tag}{site}"

    def _make(self) -> None:
        for site in "ab":
            _run("ip", "netns", "add", self._name(site))
        _run("ip", "link", "add", "wire", "netns", self._name("a"), "type", "veth",
             "peer", "name", "wire", "netns", self._name("b"))  # fmt: skip
        for site in "ab":
            name = self._name(site)
            _run("ip", "-n", name, "addr", "add", f"{self.place(site).address}/24", "dev", "wire")
            for device in ("lo", "wire"):
                _run("ip", "-n", name, "link", "set", device, "up")
            _run("tc", "-n", name, "qdisc", "add", "dev", "wire", "root", "tbf",
                 "rate", self._rate, "burst", BURST, "latency", QUEUE)  # fmt: skip

    def _remove(self) -> None:
        for site in "ab":
            with contextlib.suppress(NotMeasured):
                _run("ip", "netns", "del", self._name(site))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{' '.join(command)} failed (the wire needs root): {done.stderr.strip()}")
