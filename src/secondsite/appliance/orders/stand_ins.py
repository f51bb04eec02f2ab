"""Disks that stand in for those that were left out of a point, in the folder of the run that needs them."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.disks import file_system, image
from ...domain import errors
from ...domain.machines import stand_ins
from ...domain.machines.stand_ins import LeftOut, StandIn
from ...fabrics.interface import HostRequest
from ...ground.durable import sync_file
from ...wire.common.machines import DiskDefinition, LeftOutDisk, MachineDefinition
from ...wire.control.orders import StartReplica
from ..target import HostedReplica

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """The disks that stand in, their files by disk key, and what is said of them."""

    disks: tuple[DiskDefinition, ...] = ()
    paths: dict[str, Path] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return stand_ins.sentence(self.said)

    def in_request(self, request: HostRequest) -> HostRequest:
        """The request with these disks beside the machine's own."""
        disks = (*request.definition.disks, *self.disks)
        definition = request.definition.model_copy(update={"disks": disks})
        return replace(request, definition=definition, disks={**request.disks, **self.paths})


def made(hosted: HostedReplica, payload: StartReplica, definition: MachineDefinition) -> Standing:
    """What stands in for the disks that the point lacks by choice, made in the run's folder if it is not
    there. At home the machine has its own. Raises StoreFull, ImageProblem."""
    if payload.home:
        return Standing()
    standing = Standing()
    for each in planned(definition, payload.stand_in):
        standing = _with(standing, hosted, payload.run, each)
    return standing


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to stand in for a disk, as long as no run has it. `known`: the file system that it is to have,
    if any; nothing stands in if `given` is NOTHING."""

    disk: LeftOutDisk
    about: LeftOut
    given: StandIn
    known: file_system.FileSystem | None

    @property
    def is_there(self) -> bool:
        """Whether anything stands in."""
        return self.given is not StandIn.NOTHING

    @property
    def said(self) -> str:
        return stand_ins.said(self.about, self.given)

    @property
    def definition(self) -> DiskDefinition:
        return DiskDefinition(**{**dict(self.disk), "path": "", "format": "qcow2"})


def planned(definition: MachineDefinition, wanted: Mapping[str, StandIn]) -> Iterator[Planned]:
    """What stands in for the disks that were left out of such a point by choice."""
    has = {disk.key for disk in definition.disks}
    for disk in (each for each in definition.left_out if each.key not in has):
        known = _known(disk)
        about = LeftOut(disk.key, disk.size_bytes, None if known is None else known.kind)
        given = stand_ins.chosen(about, wanted.get(disk.key, StandIn.FILE_SYSTEM))
        yield Planned(disk, about, given, known if given is StandIn.FILE_SYSTEM else None)


def beside(definition: MachineDefinition, plans: Iterable[Planned]) -> MachineDefinition:
    """The machine with these disks, too."""
    disks = (*definition.disks, *(each.definition for each in plans))
    return definition.model_copy(update={"disks": disks})


def copied(plan: Planned, goal: Path) -> str:
    """Make what stands in as a file of its own, not encrypted and durable; an existing one is overwritten.
    Gives what is said of it. Raises ImageProblem, StoreFull, OSError."""
    known, size_bytes = plan.known, plan.disk.size_bytes
    with tempfile.TemporaryFile(dir=goal.parent) as raw:  # nameless: nothing of it stays, whatever happens
        is_filled = known is not None and _fill(raw, plan.disk, known)
        if is_filled:
            image.convert(_path(raw), goal)
        else:  # without the raw file: not every file system has one of that size
            image.create(goal, size_bytes)
    sync_file(goal)
    got = StandIn.FILE_SYSTEM if is_filled else StandIn.EMPTY
    why = "" if is_filled or known is None else _why_empty(known.kind)
    return f"{stand_ins.said(plan.about, got)}{why}"


def _fill(raw: IO[bytes], disk: LeftOutDisk, wanted: file_system.FileSystem) -> bool:
    """Whether the file has the file system now. Raises OSError, but for a size that no file can have here."""
    try:
        raw.truncate(disk.size_bytes)
        file_system.make(_path(raw), wanted)
    except OSError as problem:
        if problem.errno != errno.EFBIG:
            raise
        log.warning("stand-in.empty", disk=disk.key, problem=str(problem))
    except datapath_errors.ImageProblem as problem:
        log.warning("stand-in.empty", disk=disk.key, problem=problem.message)
    else:
        return True
    return False


def _path(file: IO[bytes]) -> Path:
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def lacking(hosted: HostedReplica) -> Iterator[str]:
    """The disks of the newest point in whose place an empty disk would be although a file system is known,
    because no program here makes it; each in words."""
    newest = hosted.replica.points()[-1:]
    with suppress(errors.SecondsiteError):
        for disk in (each for record in newest for each in hosted.definition(record).left_out):
            known = _known(disk)
            if known is not None and not file_system.is_makeable(known.kind):
                yield f"{disk.key} ({known.kind})"


def _with(standing: Standing, hosted: HostedReplica, run: str, plan: Planned) -> Standing:
    if plan.given is StandIn.NOTHING:
        return replace(standing, said=(*standing.said, plan.said))
    path, is_filled, why = _disk(hosted, run, plan.disk, plan.known)
    got = StandIn.FILE_SYSTEM if is_filled else StandIn.EMPTY
    return Standing(
        disks=(*standing.disks, plan.definition),
        paths={**standing.paths, plan.disk.key: path},
        said=(*standing.said, f"{stand_ins.said(plan.about, got)}{why}"),
    )


def _disk(
    hosted: HostedReplica, run: str, disk: LeftOutDisk, wanted: file_system.FileSystem | None
) -> tuple[Path, bool, str]:
    """The disk, whether it has a file system, and why it has none although one was wanted."""
    try:
        return *hosted.replica.stand_in(run, disk.key, disk.size_bytes, wanted), ""
    except datapath_errors.ImageProblem as problem:
        if wanted is None:
            raise
        log.warning("stand-in.empty", machine=hosted.machine_id, disk=disk.key, problem=problem.message)
    return *hosted.replica.stand_in(run, disk.key, disk.size_bytes, None), _why_empty(wanted.kind)


def _why_empty(kind: str) -> str:
    why = f"no {kind} could be made on it" if file_system.is_makeable(kind) else f"no mkfs of {kind} is here"
    return f" ({why})"


def _known(disk: LeftOutDisk) -> file_system.FileSystem | None:
    """The file system that fills the disk at home, if it is of a type that can be made."""
    found = disk.file_system
    if found is None or file_system.tool_of(found.kind) is None:
        return None
    return file_system.FileSystem(found.kind, found.uuid, found.label, found.block_bytes, found.features)
