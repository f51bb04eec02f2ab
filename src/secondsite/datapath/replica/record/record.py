"""The record of a replica: one frozen value, which replica.json holds.

A change is a new value, durable before anyone relies on it. Layers are listed from the bottom up; the last
one is the head while the replica is open for cycles. `merging` names the layer that is being merged with
its child; after a crash the merge is repeated."""

from __future__ import annotations

import dataclasses
import json
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ....ground import real_files
from ... import errors
from ...cycles import FirmwareFile, header_checks
from ...encryption import Wrapped
from ...files import write_durably
from .manifest import digest_of, signed

VERSION = 2


@dataclass(frozen=True, slots=True)
class BaseFile:
    """The recorded state of a file of somebody else's."""

    path: str
    inode: int
    size_bytes: int
    mtime_ns: int
    device: str = ""
    """What a block device is called, wherever it is attached; empty for a file, or if nothing names it."""


@dataclass(frozen=True, slots=True)
class DiskRecord:
    """`base` is a path relative to the replica's folder (ours) or absolute (only ever read): then
    `base_files` are that file and those below it."""

    key: str
    size_bytes: int
    base: str
    base_format: str = "qcow2"
    base_files: tuple[BaseFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """The data that was written up to one instant. A layer without a point waits to be merged."""

    number: int
    point_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A user of a layer, which keeps it and all below unchanged. Writable runs have overlays on it; with
    `through_seq` the cycles of the journal up to that one are applied to them."""

    name: str
    point_id: str
    layer: int
    writable: bool = True
    through_seq: int | None = None
    made: bool = False
    """Whether all its overlays existed once, so that a machine may have written to them: none is ever made
    anew."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The record. Invariants: layers rise in number; `head` is the last layer or None; a number is never used
    twice."""

    machine_id: str
    epoch: int
    disks: tuple[DiskRecord, ...]
    layers: tuple[Layer, ...]
    head: int | None
    next_number: int
    processed_seq: int = 0
    processed_taken_at: str | None = None
    applying_seq: int | None = None
    begun_seq: int = 0
    """The newest cycle that may have written anything; a source that reuses its number has lost its
    records."""
    processed_after: int | None = None
    """The cycle that the last begun one was applied on; None if the head matched no instant."""
    whole: bool = True
    """False while the head matches no instant of the machine: in a half-applied cycle, or between the
    slices of a pass over whole disks."""
    unsealed: bool = False
    """Whether the head holds processed data that no point has."""
    merging: int | None = None
    committed_point_id: str | None = None
    runs: tuple[Run, ...] = ()
    holds: tuple[tuple[str, str], ...] = ()
    """(point id, reason) of points that retention must not drop."""
    firmware: tuple[FirmwareFile, ...] = ()
    """The firmware state that came with the newest processed cycle."""
    current: tuple[str, ...] | None = None
    """The disks that the newest processed cycle brought to its instant; None for all."""
    key_id: str | None = None
    """The key that opens all images and encrypted files; None: they are plain."""
    next_key_id: str | None = None
    """During a change of the key, the id of the new key, which opens everything too."""
    former_key_id: str | None = None
    """During a change of the key, the id of the former key, which may still open some files."""
    data_keys: tuple[Wrapped, ...] = ()
    """The replica's data key, which encrypts its files, wrapped by each customer key (see file_key)."""
    merged: tuple[tuple[int, int], ...] = ()
    """The merged layers: the oldest and the newest layer that each holds. Not every disk has all of them."""
    by_headers: bool = False
    """The headers of the files say which stands on which (see chain.standing); else each layer stands on
    the one before it."""
    version: int = VERSION

    def disk(self, key: str) -> DiskRecord:
        for disk in self.disks:
            if disk.key == key:
                return disk
        raise errors.ImageProblem(
            f"The replica of {self.machine_id} has no disk '{key}'.",
            do=f"Use one of {', '.join(disk.key for disk in self.disks)}.",
        )

    def layer_of(self, point_id: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.point_id == point_id), None)

    @property
    def stands_on_its_run(self) -> bool:
        """Whether a failover was committed: then the replica takes no cycles, and the run's overlays hold the
        only copy of the machine."""
        return self.committed_point_id is not None and self.head is None

    def run(self, name: str) -> Run | None:
        return next((run for run in self.runs if run.name == name), None)

    def held(self, point_id: str) -> str | None:
        """Why this point has a hold; None if it has none."""
        return dict(self.holds).get(point_id)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(disk.key for disk in self.disks)

    @property
    def reserved(self) -> int:
        """The highest layer in use: it and all below must not change. 0 if there is none."""
        return max((run.layer for run in self.runs), default=0)

    def users_of(self, layer: int) -> list[str]:
        """Names of the users of exactly this layer."""
        return [f"run {run.name}" for run in self.runs if run.layer == layer]


_NAMES: Final = {
    kind: tuple(each.name for each in dataclasses.fields(kind))
    for kind in (ReplicaState, DiskRecord, BaseFile, Layer, Run, FirmwareFile)
}
_VALUES: Final = {kind: operator.attrgetter(*names) for kind, names in _NAMES.items()}


def save(state: ReplicaState, path: Path) -> None:
    body = _fields(state)
    if not state.by_headers:  # then a former release understands it
        body["version"] = 1
        del body["merged"], body["by_headers"]
    write_durably(path, signed(body, _fields))


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, one level deep: dataclasses.asdict would copy everything below, and most of
    a record is layers."""
    kind = type(value)
    body = dict(zip(_NAMES[kind], _VALUES[kind](value), strict=True))
    if kind is BaseFile and not value.device:  # then a former release understands it
        del body["device"]
    return body


def load(path: Path) -> ReplicaState:
    """Read a record; raises ImageProblem if it is absent, damaged or of a later version."""
    try:
        return _from_json(_trusted(json.loads(real_files.content(path))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise errors.ImageProblem(
            f"The replica's record {path} cannot be read: {error}.",
            do="Its points' manifests still say which files boot. To replicate again, disable protection, "
            "which leaves the files, and enable it anew. An older copy of the record must not be put back: "
            "it names other files.",
        ) from error


def _trusted(body: dict[str, Any]) -> dict[str, Any]:
    """The body without its digest, if that matches. Files that the record does not name are removed, so a
    damaged record must not be trusted."""
    stated = body.pop("sha256", None)  # an earlier release wrote none
    if stated is not None and stated != digest_of(body):
        raise ValueError("its sha256 does not match")
    return body


def _from_json(body: dict[str, Any]) -> ReplicaState:
    if body["version"] > VERSION:
        raise ValueError(f"version {body['version']} was written by a later secondsite")
    body["disks"] = tuple(_disk(disk) for disk in body["disks"])
    body["layers"] = tuple(Layer(**layer) for layer in body["layers"])
    body["runs"] = tuple(Run(**run) for run in body["runs"])
    body.pop("leases", None)  # the first release wrote them, always empty
    body["holds"] = tuple((point_id, reason) for point_id, reason in body.get("holds", ()))
    body["merged"] = tuple((low, high) for low, high in body.get("merged", ()))
    body["version"] = VERSION
    body["data_keys"] = tuple((key_id, wrapped) for key_id, wrapped in body.get("data_keys", ()))
    body["current"] = None if body.get("current") is None else tuple(body["current"])
    body["firmware"] = tuple(FirmwareFile.from_json(file) for file in body.get("firmware", ()))
    body["processed_taken_at"] = _instant(body.get("processed_taken_at"))
    return ReplicaState(**body)


def _instant(said: object) -> str | None:
    """The instant; None for a text that is none, since former releases kept whatever a source said. The next
    cycle brings one."""
    try:
        return header_checks.instant(said)
    except ValueError:
        return None


def _disk(body: dict[str, Any]) -> DiskRecord:
    files = tuple(BaseFile(**file) for file in body.get("base_files", ()))
    return DiskRecord(**{**body, "base_files": files})
