"""Which agents are enrolled; one is accepted no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ...fabrics.agent.link import Record, Registry
from .registry import any_registry_of


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """`valid_until` is that of the machine's newest certificate; None if it was revoked. `is_guest`: it was
    enrolled at another appliance, and its machine runs here; then it is when it last came."""

    agent_id: str
    name: str
    enrolled_at: datetime
    heard_at: datetime | None
    version: str
    valid_until: datetime | None
    is_guest: bool


def listed(home: Path) -> Sequence[ListedAgent]:
    """By name."""
    registry = any_registry_of(home)
    return [_listed(registry, record) for record in registry.records.all()]


def _listed(registry: Registry, record: Record) -> ListedAgent:
    heard = registry.records.heard(record.agent_id)
    until = max((each.until for each in record.certificates if each.kind == "machine"), default=None)
    version = "" if heard is None else str(heard.hello.get("version", ""))
    heard_at = None if heard is None else heard.at
    return ListedAgent(
        record.agent_id, record.name, record.enrolled_at, heard_at, version, until, record.is_guest
    )


def revoke(home: Path, machine: str) -> str:
    """Have an agent accepted no more; returns a sentence. Raises NotFound."""
    registry = any_registry_of(home)
    record = registry.records.named(machine)
    registry.revoke(record.agent_id)
    return f"The agent of {record.name} is not accepted any more; a running appliance ends its connections."
