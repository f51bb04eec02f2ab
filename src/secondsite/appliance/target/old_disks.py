"""The files that points stand on and that others can change: the old disks of a machine at this site, on
which its replica stands when it is protected back, and the layers below a machine that runs from a point.

Old disks lie where they always lay, and their owner may change them: restore them from a backup, or take them
for something else. And whoever controls a machine may merge its disks into the layers ('virsh blockcommit').
The files are checked before anything starts from them."""

import os
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.disks import NetworkDisk, image, image_locks, same_files
from ...datapath.replica import BaseImage
from ...domain import errors
from ...domain.amounts import exact_size
from ...fabrics.interface import HeldDisk, HeldResources
from ...ground import real_files
from ...wire.common.machines import DiskDefinition, MachineDefinition
from ...wire.control.setups import Base, ReplicaSetup
from ..shared import State, withdrawn_definitions
from .replica import FAILOVER, HostedReplica

LENT_SECONDS = 120.0
LENT_DO = (
    "Wait for its rescue system: all goes on by itself once that is back. If the machine does not run from "
    "the rescue image any more, start it from that again."
)

log = structlog.get_logger(__name__)


def bases(state: State, setup: ReplicaSetup, existing: MachineDefinition | None) -> dict[str, BaseImage]:
    """The files that a new replica stands on, by disk key. Raises NotPossibleNow for a disk that cannot be
    read, or whose path leads to another device."""
    if existing is None:
        return {}
    for what, do in others(state, existing, setup.disks):
        raise errors.NotPossibleNow(what, do=do)
    return {disk.key: _base(setup, disk) for disk in existing.disks if disk.key in setup.disks}


def others(state: State, existing: MachineDefinition, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with old disks whose paths lead to other devices than those that the machine had, and
    what to do."""
    paths = {disk.key: disk.path for disk in existing.disks if disk.key in keys}
    for key, why in withdrawn_definitions.devices_away(state, existing).items():
        if key in paths:
            yield (
                f"The old disk {key} of {existing.name} is not what it was: {paths[key]} {why}.",
                "Attach the device there again; or reprotect to an alternate location, which copies "
                "everything: '--location alternate'.",
            )


def too_large(disk: DiskDefinition, has_bytes: int, machine_bytes: int | None) -> tuple[str, str] | None:
    """What is wrong with an old disk that is larger than the machine's, and what to do; None if it is not.
    Its owner enlarged it since the failover, or just before: a machine that came home would find a larger
    disk with old content at its end, and could not be protected again. Enlarging the machine's disk loses
    nothing; shrinking the old one might."""
    if machine_bytes is None or has_bytes <= machine_bytes:
        return None
    what = (
        f"The old disk {disk.key} ({disk.path}) has {exact_size(has_bytes)}, and the machine's disk "
        f"{exact_size(machine_bytes)}: "
        "a disk does not come home to a larger one."
    )
    return what, (
        "Make the machine's disk as large, at the site where it runs: 'virsh blockresize MACHINE "
        f"{shlex.quote(disk.key)} {has_bytes}b', or 'qemu-img resize' while it is off. Or reprotect to an "
        "alternate location, which copies everything: '--location alternate'."
    )


def too_small(disk: DiskDefinition, has_bytes: int, machine_bytes: int | None) -> tuple[str, str] | None:
    """What is wrong with an old disk that is smaller than the machine's and cannot grow, and what to do; None
    if it is not."""
    if machine_bytes is None or has_bytes >= machine_bytes:
        return None
    if not has_bytes:
        return f"The old disk {disk.key} ({disk.path}) is an empty file: its disk is not there.", (
            "Wait until it is mounted there, then retry; the log of that host's appliance says what is in "
            "the way."
        )
    what = (
        f"The old disk {disk.key} has {exact_size(has_bytes)}, and the machine's disk "
        f"{exact_size(machine_bytes)}: it does not fit."
    )
    return what, (
        "Put in a disk that is large enough; or reprotect to an alternate location, which copies everything: "
        "'--location alternate'."
    )


def on_network(disk: DiskDefinition) -> tuple[str, str] | None:
    """Why a replica cannot stand on an old disk that is a network disk, and what to do; None if it is
    none."""
    if NetworkDisk.parse(disk.path) is None:
        return None
    return f"The old disk {disk.key} ({disk.path}) is a network disk, on which no replica can stand yet.", (
        "Reprotect to an alternate location, which copies everything to new files: '--location alternate'."
    )


def _base(setup: ReplicaSetup, disk: DiskDefinition) -> BaseImage:
    if (refusal := on_network(disk)) is not None:
        what, do = refusal
        raise errors.NotPossibleNow(what, do=do)
    sizes = {each.key: each.size_bytes for each in setup.definition.disks}
    try:
        found = image.look(Path(disk.path), disk.format)
        image.chain(Path(disk.path), disk.format)
    except datapath_errors.ImageProblem as problem:
        raise errors.NotPossibleNow(
            f"The old disk {disk.key} of {setup.machine_name} cannot be read: {problem.message}",
            do=f"Put {disk.path} back as a {disk.format} image, with any content of that disk; or reprotect "
            "to an alternate location, which copies everything.",
        ) from problem
    misfit = too_large(disk, found.size_bytes, sizes.get(disk.key))
    if misfit is not None:
        what, do = misfit
        raise errors.NotPossibleNow(what, do=do)
    return BaseImage(Path(disk.path), disk.format)


def require_lent(setup: ReplicaSetup, existing: MachineDefinition | None) -> None:
    """Raises MachineAway if a disk of the old machine, which its rescue system lends, is not there now."""
    for disk in existing.disks if existing else ():
        if disk.key in setup.disks and _is_lent(disk.path) and not _is_there(disk.path):
            raise errors.MachineAway(
                f"The old disk {disk.key} of {setup.machine_name} is not there: its rescue system is away.",
                do=LENT_DO,
            )


def _is_lent(path: str | Path) -> bool:
    return real_files.loan_number(path) is not None


def _is_there(path: str) -> bool:
    """Below a disk that is mounted as a file lies an empty one."""
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def waited_for(hosted: HostedReplica, error: errors.SecondsiteError) -> errors.SecondsiteError:
    """The error of work with the replica, as it is to be told. Old disks that a rescued machine lends are
    away for some seconds after this process was started, and when a line was lost: these are waited for."""
    if not isinstance(error, errors.OldDiskAway) or not any(map(_is_lent, own(hosted).values())):
        return error
    now = time.monotonic()
    hosted.disks_away_since = hosted.disks_away_since or now
    if now - hosted.disks_away_since >= LENT_SECONDS:
        return errors.OldDiskAway(error.message, do=LENT_DO)
    return errors.MachineAway(
        f"The old disks of {hosted.setup.machine_name} are not there yet: its rescue system is away.",
        do=LENT_DO,
    )


def look(hosted: HostedReplica) -> tuple[str, ...]:
    """Check whether others changed these files: then the points on them are damaged, and the source compares
    all blocks. Returns the keys of the changed disks. The caller has locked the replica. Raises OldDiskAway
    while a file is missing, or a device is another one, and ImageProblem; then nothing is noted."""
    if not hosted.replica.changed_bases():
        hosted.disks_away_since = None
        _open_anew(hosted)
        return ()
    # A file system that was away for two seconds marked all points of a machine as damaged, for good.
    changed = hosted.replica.altered_bases()
    hosted.disks_away_since = None
    if not changed:
        return ()
    log.error("base.changed", machine=hosted.machine_id, disks=changed)
    known = [point.id for point in hosted.points]
    for point in hosted.points:
        bad = tuple(key for key in changed if key in point.disks)
        if bad and not point.committed:
            hosted.verdicts.note(point.id, bad, datetime.now(UTC), known)
    hosted.verdicts.ask_for_comparison()
    # Last: until then the next look sees the change again.
    hosted.replica.accept_bases()
    hosted.wants_digests = True
    hosted.refresh()
    return changed


def _open_anew(hosted: HostedReplica) -> None:
    """What is open leads to the former device, of which nothing can be read any more."""
    if hosted.replica.bases_made_anew():
        hosted.replica.renew_bases()
        log.info("base.attached-anew", machine=hosted.machine_id)


def away(hosted: HostedReplica) -> errors.OldDiskAway | None:
    """The error of an old disk that is not there, is another device, or answers nothing; None if all are
    there. That is no damage, and passes."""
    try:
        hosted.replica.require_bases()
    except errors.OldDiskAway as problem:
        return problem
    return None


def require_unchanged(hosted: HostedReplica) -> None:
    """Check as `look` does; raises PointDamaged if the disks were changed since a point was chosen, and
    OldDiskAway also if nothing of one can be read."""
    changed = look(hosted)
    hosted.replica.require_bases()
    if changed:
        raise errors.PointDamaged(
            f"The files at this site that the recovery points of {hosted.setup.machine_name} stand on were "
            f"changed ({', '.join(changed)}), so the points are not what was sealed.",
            do="Keep others from these files. If the other site still runs the machine, wait until all "
            "blocks were compared, then start it again; else 'secondsite point verify MACHINE POINT' tells "
            "which points are whole.",
        )


def existing(state: State, setup: ReplicaSetup) -> MachineDefinition | None:
    """The definition of the old machine whose disks a new replica is to stand on; None if it stands on none.
    Raises NotFound."""
    if setup.base is not Base.EXISTING:
        return None
    definition = withdrawn_definitions.recall(state, setup.existing_fabric_id or "")
    if definition is None:
        raise errors.NotFound(
            f"The old machine of {setup.machine_name} at this site ({setup.existing_fabric_id}) was not "
            "withdrawn, so its disks cannot be a base.",
            do="Reprotect to an alternate location (a full copy), or retry the reprotect job.",
        )
    return definition


def own_run(folder: Path, existing: MachineDefinition | None) -> str | None:
    """The run of our older replica that the old machine used; None if its disks lie elsewhere."""
    runs = (folder / "runs").absolute()
    for disk in existing.disks if existing else ():
        for path in files(disk):
            if path.is_relative_to(runs):
                return path.relative_to(runs).parts[0]
    return None


@dataclass(frozen=True, slots=True)
class StrayedDisks:
    """Disks, by their keys, of a machine that came home, in place of which it has other files than its run's.
    `now`: those of a machine that is on; `kept`: those of its stored definition, from its next start on;
    `written`: somebody writes to the old file."""

    overlays: Path
    on: bool
    now: dict[str, str]
    kept: dict[str, str]
    written: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.now or self.kept or self.written)

    @property
    def of_machine(self) -> bool:
        """Whether the machine itself has them."""
        return bool(self.now or self.kept)

    def what(self, name: str) -> str:
        """What the machine has, as sentences."""
        if self.now:
            return f"{name} runs with {_paths(self.now)}, and not on the disks that it came home with."
        if self.kept and self.on:
            return (
                f"{name} runs on the disks that it came home with, but its stored definition has "
                f"{_paths(self.kept)}: from its next start on it would go back in time."
            )
        if self.kept:
            return f"{name} is off, and its stored definition has {_paths(self.kept)}: do not start it so."
        return f"Something writes to old disks of {name} ({_paths(self.written)})."

    @property
    def right(self) -> str:
        """The files that it should have, with their disks."""
        keys = sorted({*self.now, *self.kept, *self.written})
        return _paths({key: str(self.overlays / f"{key}.qcow2") for key in keys})


def _paths(files: dict[str, str]) -> str:
    return ", ".join(f"{key} on {path}" for key, path in files.items())


def own(hosted: HostedReplica) -> dict[str, Path]:
    """The old disks of the machine that the replica stands on, by disk key."""
    disks = hosted.replica.state.disks
    return {disk.key: Path(disk.base) for disk in disks if Path(disk.base).is_absolute()}


def strayed(hosted: HostedReplica, holding: HeldResources) -> StrayedDisks:
    """The disks that a machine that came home has on other files than the run's overlays, above which its
    owner may have put snapshots. `holding`: what it uses."""
    old, overlays = own(hosted), hosted.replica.files.run(FAILOVER).absolute()
    others = [
        each for each in holding.disks if each.key in old and each.path and not stands_in(overlays, each)
    ]
    return StrayedDisks(
        overlays,
        any(each.now for each in holding.disks),
        {each.key: each.path for each in others if each.now},
        {each.key: each.path for each in others if each.kept},
        {key: str(path) for key, path in old.items() if image_locks.is_written(path)},
    )


def written_said(hosted: HostedReplica, keys: Iterable[str]) -> str:
    """The sentence about old disks that somebody wrote to since the machine came home."""
    old = own(hosted)
    told = _paths({key: str(old[key]) for key in keys if key in old})
    return (
        f"Somebody wrote to files below the disks of {hosted.setup.machine_name} since it came home "
        f"({told}): blocks that it has not written since then are not what they were."
    )


def stands_in(folder: Path, disk: HeldDisk) -> bool:
    """Whether the disk, or a file below it, lies in the folder."""
    real: Iterable[str] = (disk.path, *disk.below, *map(str, same_files.below(disk.path, disk.format)))
    return any(Path(os.path.realpath(each)).is_relative_to(folder.resolve()) for each in real)


def files(disk: DiskDefinition) -> list[Path]:
    """The disk's file, and those below it: its owner may have put snapshots above ours."""
    top = Path(disk.path).absolute()
    if disk.format != "qcow2" or not top.exists():
        return [top]
    try:
        return [link.path.absolute() for link in image.chain(top)]
    except datapath_errors.ImageProblem:
        return [top]
