"""The vault's interfaces, which have more than one side: the certificate authority, admission, gateway, fact
sink and signals."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ..wire.common.base import Shape
from ..wire.control import FullReportRequest, Hello, Report, Status
from ..wire.control.orders import Kind


class Renew(Protocol):
    """Gives an appliance its next certificate."""

    def __call__(self, appliance_id: str, csr_pem: str) -> str: ...


class Admit(Protocol):
    """Accepts an appliance with the key that it shows, or raises CertificateRefused."""

    def __call__(self, appliance_id: str, key_sha256: str) -> None: ...


class Authority(Protocol):
    """The vault's own certificate authority."""

    @property
    def ca_pem(self) -> str: ...
    @property
    def trusted_pem(self) -> str:
        """All CAs that are trusted now; the first one issues."""

    @property
    def ends_at(self) -> datetime: ...
    @property
    def appliance_lifetime(self) -> timedelta:
        """How long an appliance's certificate is valid; it asks for the next one when a third is left."""

    @property
    def fingerprint(self) -> str:
        """sha256 of the CA certificate in DER, as 64 hex digits."""

    def issue_appliance(self, csr_pem: str, appliance_id: str, now: datetime) -> tuple[str, datetime]:
        """A certificate (PEM) with the appliance's id as common name, for server and client use, and its
        end."""


class Gateway(Protocol):
    """Sends orders to appliances and gets their reports. Only `awaited` blocks: a step asks, waits without a
    thread, and asks again when it is signalled."""

    def ask(
        self,
        appliance_id: str,
        order_id: str,
        kind: Kind,
        machine_id: str | None,
        payload: Shape,
        deadline_seconds: float,
        *,
        generation: int | None = None,
        drill_generation: int | None = None,
        given_at: datetime | None = None,
    ) -> Report | None:
        """The report if it has arrived; else hands the order over (once per connection; again after a
        reconnect) and gives None. The signal 'order/<order_id>' fires when the report arrives."""

    def awaited(self, order_id: str, seconds: float) -> Report | None:
        """The report of an order that was asked for, when it has arrived; None if it does not within that
        time."""

    def forget(self, order_id: str) -> None:
        """Drop the report: it was used and recorded."""

    def progress(self, order_id: str) -> tuple[float, str] | None:
        """The last progress of a running order: the fraction 0..1, and a sentence."""

    def is_connected(self, appliance_id: str) -> bool:
        """Whether the appliance is connected to this vault process, or to another one on the database."""

    def holds(self, appliance_id: str) -> bool:
        """Whether the appliance is connected to this process."""

    def connection(self, appliance_id: str) -> object:
        """The appliance's connection to this process, to be compared with a later one; None without one."""

    def lost_seconds(self, appliance_id: str) -> float:
        """For how many seconds it is certain that the appliance has not been connected: since this process
        lost its connection. 0 if it had none, or if another process of the vault may have had one since."""

    def hang_up(self, appliance_id: str) -> None:
        """End the appliance's connection: it no longer belongs to this vault."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What follows from a write. `signals` are to be given now: what they are about is durable. `is_behind`:
    there is more to write."""

    signals: Sequence[str]
    is_behind: bool


class FactSink(Protocol):
    """Takes what appliances report by themselves, from the gateway."""

    def connected(self, hello: Hello) -> None: ...
    def disconnected(self, appliance_id: str) -> None: ...
    def hear(self, appliance_id: str, status: Status) -> FullReportRequest | None:
        """Remember a status, without writing it. Gives what the appliance has to send again."""

    def write(self, first: Collection[str] = (), at_most: int = ...) -> WriteResult:
        """Write what was heard of the machines that go `first`, and at most so many statuses of others."""

    def missed(self, appliance_id: str) -> None:
        """Note that a message of the appliance was not understood."""


class Signals(Protocol):
    """Wakes steps that wait: the job engine's `signal`."""

    def __call__(self, key: str) -> None: ...
