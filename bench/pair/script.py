"""What the pair is told."""

from __future__ import annotations

from secondsite.wire.common.base import Shape

SITES = ("a", "b")
"""Where the machines are, and where their replicas go."""


class Starts(Shape):
    """How long a start of a machine takes at an appliance, and how many go on beside each other."""

    seconds: float = 0.0
    at_once: int = 8


AT_ONCE = Starts()


class Script(Shape):
    """`keys` are registration keys by host; a host is named by its site and its number, the first one by its
    site. Everything but a start is answered at once."""

    url: str
    fingerprint: str
    keys: dict[str, str]
    machines: int
    starts: Starts = AT_ONCE
