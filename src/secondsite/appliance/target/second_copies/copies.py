"""Decides whether a machine of this site is a second copy of one that was withdrawn here: by the files that
it has open, or would at its next start, whatever paths lead to them."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ....datapath.disks import same_files
from ....domain import errors
from ....fabrics.interface import Fabric, HeldDisk, HeldResources, MachineSummary
from ....wire.common.machines import MachineDefinition

Identities = frozenset[same_files.Identity]


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """A machine of the site, with the file of each disk that it can write to, and the files below it.
    `hosted`: its platform defines and starts it; else it stands where its owner switches it on."""

    machine: MachineSummary
    holding: HeldResources
    files: tuple[tuple[HeldDisk, same_files.Identity | None, Identities], ...]
    hosted: bool = True


@dataclass(frozen=True, slots=True)
class WithdrawnMachine:
    """A machine that was withdrawn here. `disks`: the keys of those that are protected. `stood_on`: whether a
    replica stands on its disks; `own`: the folder of the disks of machines that were started from the
    replica. `tops` are its disks' files, `needed` these and those below."""

    definition: MachineDefinition
    disks: frozenset[str]
    stood_on: bool
    own: Path | None
    tops: Identities
    needed: Identities


@dataclass(frozen=True, slots=True)
class Copy:
    """What a machine has of a withdrawn one; `hosted` as of the machine. `same`: it has the machine's id.
    `written` are its disks that are the machine's and open; `later` those that it has from its next start on.
    `above` are disks of its own that stand on the machine's, if it also has the machine's id or one of its
    MAC addresses."""

    machine: MachineSummary
    left: WithdrawnMachine
    holding: HeldResources
    same: bool
    hosted: bool = True
    written: tuple[HeldDisk, ...] = ()
    later: tuple[HeldDisk, ...] = ()
    above: tuple[HeldDisk, ...] = ()

    @property
    def runs(self) -> bool:
        return self.machine.power.is_on and bool(self.same or self.written or self.above)

    @property
    def is_nothing_else(self) -> bool:
        """Whether it is the machine itself, or has no other disks: then it can be removed as a whole."""
        has = {(each.key, each.path) for each in self.holding.disks if each.path and not each.read_only}
        return self.same or has == {(each.key, each.path) for each in (*self.written, *self.later)}


def seen(fabric: Fabric, machine: MachineSummary) -> MachineFiles | None:
    """The machine with its files; None if it is gone. Raises FabricError, DeadlineExceeded."""
    try:
        holding = fabric.inventory.holding(machine.fabric_id)
    except errors.NotFound:
        return None
    disks = [each for each in holding.disks if each.path and not each.read_only]
    files = ((each, same_files.identity(each.path), _below(each)) for each in disks)
    return MachineFiles(machine, holding, tuple(files), fabric.properties.hosts)


def left(
    definition: MachineDefinition, disks: Collection[str], stood_on: bool, own: Path | None
) -> WithdrawnMachine:
    """A withdrawn machine with the present files of these disks. Disks that are not protected are left out:
    they may be shared with machines that are no copies."""
    asked = [disk for disk in definition.disks if disk.path and disk.key in disks]
    tops = _identities(disk.path for disk in asked)
    below = _identities(file for disk in asked for file in same_files.below(disk.path, disk.format))
    return WithdrawnMachine(definition, frozenset(disks), stood_on, own, tops, tops | below)


def of(found: MachineFiles, gone: WithdrawnMachine) -> Copy | None:
    """What a machine has of the withdrawn one; None if nothing. Disks that it may only read do no damage. A
    file below the withdrawn machine's own, such as a template, is only damaged by a machine that is on."""
    is_on = found.machine.power.is_on
    same = found.machine.fabric_id == gone.definition.fabric_id
    written, later, above = [], [], []
    for disk, file, below in found.files:
        if is_on and disk.now and file in gone.needed:
            written.append(disk)
        elif file in gone.tops and (disk.kept or not is_on):
            later.append(disk)
        elif disk.now >= is_on and not below.isdisjoint(gone.tops) and not _is_ours(disk, gone):
            above.append(disk)
    if not (same or shared_macs(found.holding, gone)):
        above = []  # under another address it is its owner's to have
    if not (same or written or later or above):
        return None
    has = tuple(written), tuple(later), tuple(above)
    return Copy(found.machine, gone, found.holding, same, found.hosted, *has)


def shared_macs(holding: HeldResources, gone: WithdrawnMachine) -> list[str]:
    """Those of the withdrawn machine's MAC addresses that another machine has too."""
    return sorted(holding.macs & {nic.mac.lower() for nic in gone.definition.nics})


def _identities(paths: Iterable[str | Path]) -> Identities:
    found = (same_files.identity(path) for path in paths if path)
    return frozenset(each for each in found if each is not None)


def _below(disk: HeldDisk) -> Identities:
    return _identities((*disk.below, *same_files.below(disk.path, disk.format)))


def _is_ours(disk: HeldDisk, gone: WithdrawnMachine) -> bool:
    """Whether the disk is a file of a machine that was started from the replica, as in a drill."""
    return gone.own is not None and Path(os.path.realpath(disk.path)).is_relative_to(gone.own.resolve())
