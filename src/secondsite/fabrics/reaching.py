"""How services of a machine are asked over its network, from outside."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Knock:
    """One service to ask, for at most `seconds`. Without a path, an open port is enough."""

    address: str
    port: int
    seconds: float
    path: str | None = None
    status: int = 200
    text: str | None = None


@dataclass(frozen=True, slots=True)
class KnockResult:
    """The result of a knock. `said` is partly the guest's own words."""

    passed: bool
    said: str


Answers = Callable[[], Mapping[int, KnockResult]]
"""The results so far, by the numbers of the knocks; does not wait."""


class Reaching(Protocol):
    """Asks services of machines. It never connects the machine's network to another one, and leaves nothing
    behind, even if this process dies."""

    def addresses(self, fabric_id: str) -> Sequence[str]:
        """The machine's IPv4 addresses with their prefixes, as far as its guest agent or the hypervisor
        tells them now."""

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        """Whether `visit` asks from the machine's own network. Raises NotFound, FabricError if the machine
        is connected to nothing."""

    def visit(
        self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None
    ) -> AbstractContextManager[Answers]:
        """Asks all at once, until each has passed or its time is over; leaving the context gives up. In an
        isolated network, or with a `source`, the questions come from a free address in the machine's own
        network; else from this host. Raises NotFound, FabricError."""
