"""What an owner does to disk files behind our back: snapshots, copies that are put back, backups that hold
a file, and live migration to another host of the site. All of it can be undone, and is before anything is
called a dead end."""

import contextlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path

from chaos.walks.episode import Episode
from rig import images
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import MachineSummary, PowerState

KEY = "vda"


@dataclass(frozen=True, slots=True)
class Copy:
    """Of the files of a machine that was off; how many records its guest had written by then."""

    site: str
    fabric_id: str
    files: dict[Path, Path]
    records: int


@dataclass(slots=True)
class Disks:
    """Of both sites. `snapshots`: site, fabric id, and the file below; `away`: site and fabric id of who
    runs elsewhere."""

    on: Episode
    snapshots: list[tuple[str, str, Path]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    away: list[tuple[str, str]] = field(default_factory=list)
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.on.undo = self.undo

    def act(self, site: str, machine: MachineSummary) -> str:
        """Something, to this copy; what was done, or why not."""
        acts = (self.snapshot, self.snapshot, self.copy, self.put_back, self.migrate, self.hold)
        try:
            return self.on.chance.choice(acts)(site, machine)
        except errors.SecondsiteError as error:
            return f"not done at {site}: {error.message}"

    def undo(self) -> str:
        """Everything that may be in the way of others."""
        self.held.close()
        done = [self._end_snapshot(*each) for each in reversed(self.snapshots)]
        away, self.away = self.away, []
        done += [self._come_back(*each) for each in away]
        self.snapshots.clear()
        return ", ".join(done)

    def snapshot(self, site: str, machine: MachineSummary) -> str:
        below = simulated.take_snapshot(self._root(site), machine.fabric_id, KEY)
        self.snapshots.append((site, machine.fabric_id, below))
        return f"snapshot of {KEY} at {site}"

    def _end_snapshot(self, site: str, fabric_id: str, below: Path) -> str:
        try:
            simulated.end_snapshot(self._root(site), fabric_id, KEY, below)
        except (errors.SecondsiteError, OSError) as error:
            return f"snapshot left at {site} ({error})"
        return f"snapshot ended at {site}"

    def copy(self, site: str, machine: MachineSummary) -> str:
        """With the machine off for a while."""
        if not self._is_its_own(site, machine):
            return "it does not run on disks of its own"
        power = simulated.open_fabric(self._root(site)).power
        power.stop(machine.fabric_id)
        folder = self.on.rig.folder / f"copy-{next(self._numbers)}"
        files = simulated.copy_disks(self._root(site), machine.fabric_id, folder)
        content = images.raw(next(copy for path, copy in files.items() if path.stem == KEY))
        count = len(content) // simulated.RECORD_BYTES
        found = simulated.records(lambda offset, length: content[offset : offset + length], count)
        self.copies.append(Copy(site, machine.fabric_id, files, len(found)))
        power.start(machine.fabric_id)
        return f"copied the disks at {site}, {len(found)} records"

    def put_back(self, site: str, machine: MachineSummary) -> str:
        """What the guest wrote since is its owner's loss, in all copies that begin from now on."""
        fitting = [each for each in self.copies if (each.site, each.fabric_id) == (site, machine.fabric_id)]
        if not fitting or not self._is_its_own(site, machine):
            return "there is no copy"
        chosen = self.on.chance.choice(fitting)
        simulated.put_back(self._root(site), machine.fabric_id, chosen.files)
        self.on.ledger.reverted(site, machine.fabric_id, chosen.records)
        if self.on.chance.random() < 0.5:
            simulated.open_fabric(self._root(site)).power.start(machine.fabric_id)
        return f"put a copy back at {site}, {chosen.records} records"

    def _is_its_own(self, site: str, machine: MachineSummary) -> bool:
        """Whether this is production, and its files are those that it was made with, without a snapshot."""
        own = self._root(site) / "disks" / machine.fabric_id
        made = all(Path(disk.path).parent == own for disk in machine.definition.disks)
        others = [each for each in self.on.ledger.running() if each != (site, machine.fabric_id)]
        return made and not others and not self.snapshots and self.on.active_site() == site

    def migrate(self, site: str, machine: MachineSummary) -> str:
        if machine.power is not PowerState.RUNNING:
            return "it does not run"
        simulated.migrate_away(self._root(site), machine.fabric_id)
        self.away.append((site, machine.fabric_id))
        return f"migrated to another host of {site}"

    def _come_back(self, site: str, fabric_id: str) -> str:
        try:
            simulated.migrate_back(self._root(site), fabric_id)
        except errors.NotFound as error:
            self.away.append((site, fabric_id))  # until its owner defines it again
            return f"not back at {site}: {error.message}"
        except errors.SecondsiteError as error:
            return f"not back at {site}: {error.message}"
        return f"migrated back at {site}"

    def hold(self, site: str, machine: MachineSummary) -> str:
        """A backup tool reads the files of a machine that is off."""
        for disk in machine.definition.disks:
            self.held.enter_context(simulated.read_by_another(Path(disk.path)))
        return f"a backup reads the disks at {site}"

    def _root(self, site: str) -> Path:
        return self.on.rig.home(f"appliance-{site}") / "fabric"
