"""Several vault processes on one database: who they are, who holds which connection, and the orders that they pass on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...wire.control import Order, Report


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A vault process. `trusted` are the fingerprints of its CAs, the one that issues first."""

    id: str
    name: str
    control_url: str
    trusted: tuple[str, ...]
    version: str
    seen_at: datetime


class Processes(Protocol):
    def put(self, process: ProcessRecord) -> None: ...
    def list(self) -> Sequence[ProcessRecord]: ...
    def forget(self, before: datetime) -> None:
        """Those that were not seen since."""


class Links(Protocol):
    """Which process holds an appliance's newest connection. A link counts as long as its process's lease does. Where a process
    is the only one, all are its own."""

    def take(self, appliance_id: str) -> bool:
        """It has connected here, and so it left any other; whether another process may have held it meanwhile."""

    def holds(self, appliance_id: str) -> bool:
        """Whether its newest connection is here; until this transaction ends, no other process gets it."""

    def drop(self, appliance_id: str) -> bool:
        """Its connection here has ended; whether it was the newest."""

    def revoke(self, appliance_id: str) -> None:
        """Its key counts no more: whichever process has its connection ends it soon, and writes nothing that it says."""

    def mine(self) -> Sequence[str]:
        """Those whose newest connection is here, as it is recorded; none where a process is the only one."""

    def elsewhere(self) -> Mapping[str, str]:
        """By appliance, the other living process that holds it."""

    def drop_dead(self) -> Sequence[str]:
        """Appliances whose process is dead, or has lost its lease since."""

    def any_living(self, appliance_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Passed:
    """An order on its way. `report` None: not yet; then `fraction` and `sentence` are its progress."""

    order_id: str
    appliance_id: str
    order: Order
    report: Report | None = None
    fraction: float = 0.0
    sentence: str = ""


class PassedOrders(Protocol):
    def ask(self, orders: Sequence[Passed]) -> None:
        """This process waits for their reports."""

    def take(
        self, appliance_ids: Sequence[str], asked_within_seconds: float, *, again: bool = False
    ) -> Sequence[Passed]:
        """What others lately asked of appliances whose connection is here, each once; `again`: also what was taken before and has
        no report yet."""

    def progressed(self, order_id: str, fraction: float, sentence: str) -> None: ...
    def reported(self, report: Report) -> None: ...

    def news(self) -> Sequence[Passed]:
        """What came of those that this process asked for, each piece once; a report ends the order."""

    def forget(self, order_ids: Sequence[str]) -> None: ...
    def forget_old(self, seconds: float) -> None: ...

    def tell(self, news: Sequence[str]) -> None:
        """All processes hear these words once this transaction commits."""
