"""Disks that stand in for those that were left out of a point, in the folder of the run that needs them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.disks import file_system
from ...domain import errors
from ...domain.machines import stand_ins
from ...domain.machines.stand_ins import LeftOut, StandIn
from ...fabrics.interface import HostRequest
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
    has = {disk.key for disk in definition.disks}
    standing = Standing()
    for disk in (each for each in definition.left_out if each.key not in has):
        standing = _with(standing, hosted, payload, disk)
    return standing


def lacking(hosted: HostedReplica) -> Iterator[str]:
    """The disks of the newest point in whose place an empty disk would be although a file system is known,
    because no program here makes it; each in words."""
    newest = hosted.replica.points()[-1:]
    with suppress(errors.SecondsiteError):
        for disk in (each for record in newest for each in hosted.definition(record).left_out):
            known = _known(disk)
            if known is not None and not file_system.is_makeable(known.kind):
                yield f"{disk.key} ({known.kind})"


def _with(standing: Standing, hosted: HostedReplica, payload: StartReplica, disk: LeftOutDisk) -> Standing:
    known = _known(disk)
    about = LeftOut(disk.key, disk.size_bytes, None if known is None else known.kind)
    wanted = stand_ins.chosen(about, payload.stand_in.get(disk.key, StandIn.FILE_SYSTEM))
    if wanted is StandIn.NOTHING:
        return replace(standing, said=(*standing.said, stand_ins.said(about, wanted)))
    path, is_filled, why = _disk(hosted, payload.run, disk, known if wanted is StandIn.FILE_SYSTEM else None)
    got = StandIn.FILE_SYSTEM if is_filled else StandIn.EMPTY
    return Standing(
        disks=(*standing.disks, DiskDefinition(**{**dict(disk), "path": "", "format": "qcow2"})),
        paths={**standing.paths, disk.key: path},
        said=(*standing.said, f"{stand_ins.said(about, got)}{why}"),
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
    kind = wanted.kind
    why = f"no {kind} could be made on it" if file_system.is_makeable(kind) else f"no mkfs of {kind} is here"
    return *hosted.replica.stand_in(run, disk.key, disk.size_bytes, None), f" ({why})"


def _known(disk: LeftOutDisk) -> file_system.FileSystem | None:
    """The file system that fills the disk at home, if it is of a type that can be made."""
    found = disk.file_system
    if found is None or file_system.tool_of(found.kind) is None:
        return None
    return file_system.FileSystem(found.kind, found.uuid, found.label, found.block_bytes, found.features)
