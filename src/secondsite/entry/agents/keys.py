"""Registration keys: each lets one machine in, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...domain import errors
from ...fabrics.agent.link import OtherDisks
from .registry import addresses_of, registry_of


@dataclass(frozen=True, slots=True)
class NewKey:
    """A registration key, and where agents dial: HOST:PORT each."""

    key: str
    addresses: Sequence[str]


def new_key(
    home: Path, hours: float, machine: str | None, rescue: bool, *, other_disks: bool = False
) -> NewKey:
    """Let one machine in: a new one, or a known one by its name or id; `other_disks`: it comes home to those
    of another server. Raises NotFound, InvalidArgument."""
    registry = registry_of(home)
    agent_id = None if machine is None else registry.records.named(machine).agent_id
    key = registry.new_key(hours, agent_id, "rescue" if rescue else "machine")
    if other_disks and not (rescue and agent_id):
        raise errors.InvalidArgument(
            "Other disks are those of a rescue system.", do="Add --for MACHINE --rescue."
        )
    if other_disks and agent_id is not None and registry.other_disks.find(agent_id) is None:
        registry.other_disks.keep(agent_id, OtherDisks())
    return NewKey(key, addresses_of(home))
