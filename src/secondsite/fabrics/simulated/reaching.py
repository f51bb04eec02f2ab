"""What a machine's services answer: what its traits say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..interface import PowerState
from ..reaching import Answers, Knock, KnockResult
from .host.faults import Faults
from .host.host import Host
from .host.records import MachineRecord


class SimulatedReaching:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def addresses(self, fabric_id: str) -> Sequence[str]:
        with self._faults.around("reaching.addresses", fabric_id):
            record = self._host.records.get(fabric_id)
            runs = record is not None and self._host.state(record) is PowerState.RUNNING
            return ["10.0.0.1/24"] if record is not None and runs and _tells(record) else []

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        return True  # what answers is the machine's own traits

    @contextmanager
    def visit(self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None) -> Iterator[Answers]:
        with self._faults.around("reaching.visit", fabric_id):
            serves = self._host.records.need(fabric_id).traits.serves
        heard = {number: _heard(knock, serves) for number, knock in enumerate(knocks)}
        yield lambda: heard


def _tells(record: MachineRecord) -> bool:
    """Its agent, or what serves on it."""
    has_agent = record.traits.shows and record.traits.guest_agent
    return bool(record.traits.serves or (has_agent and any(nic.network for nic in record.definition.nics)))


def _heard(knock: Knock, serves: dict[int, str]) -> KnockResult:
    """A port says 'STATUS TEXT', or nothing."""
    if knock.port not in serves:
        return KnockResult(False, "Connection refused")
    if knock.path is None:
        return KnockResult(True, "the port is open")
    status, _, text = serves[knock.port].partition(" ")
    if status != str(knock.status):
        return KnockResult(False, f"status {status}, not {knock.status}: {text}")
    if knock.text is not None and knock.text not in text:
        return KnockResult(False, f"status {status}, but its page does not say '{knock.text}'")
    return KnockResult(True, f"status {status}")
