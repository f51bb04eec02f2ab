"""The disks of another server that a machine comes home to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...domain import errors
from ...fabrics.agent.link import OtherDisks
from .registry import registry_of


@dataclass(frozen=True, slots=True)
class ServerDisk:
    """A disk of a server, by its serial number or what it is known by; `refused` is why it is not offered."""

    serial: str
    name: str
    size_bytes: int
    holds: str
    refused: str


@dataclass(frozen=True, slots=True)
class ServerDisks:
    """Those of the server that called last for a machine; `decided` is None if it comes home to its own."""

    machine: str
    decided: OtherDisks | None
    disks: tuple[ServerDisk, ...]


def decide_disks(home: Path, machine: str, chosen: Sequence[str], overwrite: Sequence[str]) -> None:
    """Decide which disks of another server a machine comes home to, beside what was decided before; `chosen`
    are KEY=DISK. Raises NotFound, InvalidArgument."""
    registry = registry_of(home)
    agent_id = registry.records.named(machine).agent_id
    before = registry.other_disks.find(agent_id) or OtherDisks()
    pairs = dict(_pair(each) for each in chosen)
    both = dict.fromkeys((*before.overwrite, *overwrite))
    registry.other_disks.keep(agent_id, OtherDisks(chosen={**before.chosen, **pairs}, overwrite=tuple(both)))


def own_disks(home: Path, machine: str) -> str:
    """Let a machine come home to its own disks again; returns a sentence. Raises NotFound."""
    registry = registry_of(home)
    record = registry.records.named(machine)
    registry.other_disks.forget(record.agent_id)
    return f"{record.name} comes home to its own disks."


def server_disks(home: Path, machine: str) -> ServerDisks:
    """The disks of the server that called last for a machine, as they were told when it called. Raises
    NotFound, FabricError."""
    registry = registry_of(home)
    record = registry.records.named(machine)
    heard = registry.records.heard(record.agent_id)
    told = heard.hello.get("disks", ()) if heard is not None else ()
    decided = registry.other_disks.find(record.agent_id)
    return ServerDisks(record.name, decided, tuple(map(_server_disk, told)))


def _pair(text: str) -> tuple[str, str]:
    key, equals, disk = text.partition("=")
    if not (key and equals and disk):
        raise errors.InvalidArgument(f"'{text}' names no disk.", do="Give KEY=SERIAL, as in sda=S3Z1NB0K.")
    return key, disk


def _server_disk(told: Mapping[str, Any]) -> ServerDisk:
    return ServerDisk(
        str(told.get("serial") or told.get("key", "")),
        str(told.get("name", "")),
        int(told.get("size_bytes", 0)),
        ", ".join(map(str, told.get("holds", ()))),
        str(told.get("refused", "")),
    )
