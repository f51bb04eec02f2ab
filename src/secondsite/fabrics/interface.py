"""What an appliance asks of a platform, as small protocols.

A fabric is made by `entry` from a URI and a work directory, belongs to one site, and is used by several threads at
once. Every method has its own deadline, raises only `domain.errors`, and may be called again after a crash: it
looks before it acts. A fabric touches only what carries our tag, except that it reads the inventory, and that
`Tracking.enable` tags a machine which its owner put under protection.

Machines are named by their fabric id (a UUID as text that stays the same for the machine's life).
Sizes are bytes, spans are seconds, times are aware UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..wire.machines import MachineDefinition, NetworkInfo


class PowerState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Properties:
    """What a platform can do: the core asks, it never guesses."""

    kind: str
    accelerated: bool
    incremental: bool
    quiescing: bool
    networks: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineSummary:
    fabric_id: str
    name: str
    power: PowerState
    tag: str | None
    definition: MachineDefinition
    attached: tuple[str, ...] | None = None
    """Keys of the disks that a running machine has at this moment: its definition holds from its next start on. None
    where the definition is all that there is to know, and in lists."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason found by a check, with the recommended action. `blocking` ones stop the verb; `disk` is the key of
    the disk that it is about, if it is about one."""

    what: str
    do: str
    blocking: bool = True
    disk: str | None = None


class Inventory(Protocol):
    def list(self) -> Sequence[MachineSummary]:
        """All machines of the site, also those that are not ours."""

    def get(self, fabric_id: str) -> MachineSummary | None:
        """One machine, or None when the platform does not know it."""


class Power(Protocol):
    def state(self, fabric_id: str) -> PowerState: ...

    def start(self, fabric_id: str) -> None:
        """Starts the machine; one that runs already is left alone."""

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Asks the guest to power off and waits; True when it is off, False when the grace is over."""

    def stop(self, fabric_id: str) -> None:
        """Cuts the power. A machine that is off or missing is left alone."""


@dataclass(frozen=True, slots=True)
class DiskChanges:
    """One disk at the instant `ChangeSession.taken_at`, readable over NBD until the session ends.

    `bitmaps` names the meta contexts (without 'qemu:dirty-bitmap:') whose union is what changed since the base;
    empty means that there is no usable base: everything may have changed.
    """

    key: str
    size_bytes: int
    socket: Path
    export: str
    bitmaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeSession:
    """A frozen view of all disks of a machine at one instant.

    Every write that its guest saw end before `taken_at` is in it; of those that ended within `pause_seconds` after it
    some may be. A point so promises no more than it holds.
    """

    taken_at: datetime
    checkpoint: str | None
    """The checkpoint that was made with the view: the base for the next one. None when the machine is off: nothing
    changes then, and the base stays the base."""
    disks: tuple[DiskChanges, ...]
    consistency: str = "crash"
    reason: str | None = None
    pause_seconds: float = 0.0
    scratch_bytes: Callable[[], int] = field(default=lambda: 0)
    """Bytes of scratch space in use now: the caller gives the session up before the budget is reached (P1)."""
    abandon: Callable[[], None] = field(default=lambda: None)
    """Ends the job at once, so that the guest's writes cost nothing more; from any thread, and before the context is
    left. What is read after it is worthless, or an error."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """`base` is the checkpoint that the target acknowledged last, or None for a first, full view.

    `new_checkpoint` is a name never used before (ours: 'secondsite-<epoch>-<seq>'). `scratch_dir` is on the file
    system that the scratch budget is for. `disks` are the keys to be included.
    """

    fabric_id: str
    disks: tuple[str, ...]
    base: str | None
    new_checkpoint: str
    scratch_dir: Path
    app_consistent: bool = False
    instant: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered right around the act that fixes the view of a running machine, when all else is ready: the caller may
    wait there until other machines are ready too."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """At `taken_at` the disks of a running machine held what they held at the checkpoint that was asked about: every
    write that its guest saw end before that is in the checkpoint's content. `sizes_bytes` are the disks' by key."""

    taken_at: datetime
    sizes_bytes: Mapping[str, int]


class Tracking(Protocol):
    """Change tracking: checkpoints with dirty bitmaps, and frozen views to read from."""

    def check(self, fabric_id: str) -> Sequence[Obstacle]:
        """Why this machine can't be tracked: raw disks, qcow2 v2, internal snapshots, foreign checkpoints, ..."""

    def enable(self, fabric_id: str, tag: str) -> None:
        """Tags the machine as protected by us (`tag` = our machine id). Raises NotOurs if another tag is there."""

    def open(self, request: SessionRequest) -> AbstractContextManager[ChangeSession]:
        """A frozen view; leaving the context ends the job and its scratch space, but keeps both checkpoints.

        Works for a running machine (backup job) and for one that is off (disks read where they lie, bitmaps
        included). If `base` is unknown, lost or inconsistent for a disk, that disk's `bitmaps` is empty: the caller
        falls back to compare. Raises FabricError when a foreign job holds the machine.
        """

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> Unwritten | None:
        """Whether nothing was written to these disks of a running machine since the acknowledged checkpoint `base`.

        Costs no view, no job and no drain of the disks. None means that a view is needed: something was written, the
        machine is off, a disk or its bitmap is not the one that the checkpoint was made with, other checkpoints of
        ours wait for `acknowledge`, or the platform cannot tell. Raises FabricError, NotFound.
        """

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        """The target has everything up to checkpoint `keep`: all our other checkpoints go, also orphans of views
        whose data never arrived (their bitmaps are merged away by the platform). Foreign checkpoints stay."""

    def disable(self, fabric_id: str) -> None:
        """Removes all our checkpoints, bitmaps and the tag; works for machines that run, are off or are gone."""


@dataclass(slots=True)
class Freeze:
    """How a guest was frozen. `seconds` is how long its file systems stood, known once they are thawed; only then is
    `consistency` final."""

    consistency: str = "crash"
    reason: str | None = None
    seconds: float = 0.0


class Firmware(Protocol):
    """The state that a machine's firmware keeps outside its disks: UEFI variables, an emulated TPM."""

    def read(self, fabric_id: str) -> Mapping[str, bytes]:
        """All of it as it is now, in small files by name: 'nvram', 'tpm/NAME'; nothing where a machine has none. Each
        file is whole, though not of the very instant of the disks. Raises FabricError for state that cannot be read
        or is larger than what travels, NotFound."""


class Quiescing(Protocol):
    def freeze(self, fabric_ids: Sequence[str]) -> AbstractContextManager[Mapping[str, Freeze]]:
        """The file systems of all guests stand frozen inside the context, all at once, where their agents allow; gives
        how it went by fabric id. Thaws in any case, within ten seconds. To be entered before `hold`."""

    def hold(self, fabric_ids: Sequence[str], budget_seconds: float) -> AbstractContextManager[datetime]:
        """All machines stand still inside the context (vCPUs paused); gives the common instant. Resumes in any case."""


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A machine to be made here from disks that we hold.

    `definition` is the source's; `disks` maps disk keys to the overlay files to run on; `networks` maps the
    definition's NIC keys to a network of this site, or None for 'not connected'. `tag` marks it as ours.
    """

    fabric_id: str
    name: str
    definition: MachineDefinition
    disks: Mapping[str, Path]
    networks: Mapping[str, str | None]
    tag: str
    properties: Mapping[str, str] = field(default_factory=dict)
    firmware: Mapping[str, bytes] = field(default_factory=dict)
    """The firmware state that the machine starts with, as `Firmware.read` gives it; a machine that is there already
    keeps its own. Without a file the platform begins with a fresh state."""


class Hosting(Protocol):
    """Making and removing machines from replicas."""

    def check(self, definition: MachineDefinition) -> Sequence[Obstacle]:
        """Why this machine could not run here."""

    def create(self, request: HostRequest) -> None:
        """Defines the machine, powered off, autostart off. An equal one that is there already is fine;
        a machine of that id or name without our tag raises NotOurs."""

    def remove(self, fabric_id: str, tag: str) -> None:
        """Stops and undefines the machine (checkpoint metadata too). Disks stay. Missing is fine, a foreign tag
        raises NotOurs."""

    def withdraw(self, fabric_id: str, tag: str) -> MachineDefinition:
        """Takes the definition of an off machine away so that nobody can start it, and gives it for `restore`; its
        firmware state stays with us."""

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        """Defines a withdrawn machine again as it was, with its firmware state, powered off."""

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        """Brings each disk of a machine (running or off) back into one file: everything above `disks[key]` in its
        backing chain is merged down into that file and the machine goes on with that file as its disk."""


class Networks(Protocol):
    def list(self) -> Sequence[NetworkInfo]: ...

    def create_isolated(self, name: str, tag: str) -> NetworkInfo:
        """A network that leads nowhere, for drills; ours by tag. There already and ours: fine."""

    def remove(self, name: str, tag: str) -> None:
        """Removes one of ours; missing is fine; a foreign one raises NotOurs."""


@runtime_checkable
class Fabric(Protocol):
    """One platform at one site."""

    @property
    def properties(self) -> Properties: ...
    @property
    def inventory(self) -> Inventory: ...
    @property
    def power(self) -> Power: ...
    @property
    def tracking(self) -> Tracking: ...
    @property
    def quiescing(self) -> Quiescing: ...
    @property
    def firmware(self) -> Firmware: ...
    @property
    def hosting(self) -> Hosting: ...
    @property
    def networks(self) -> Networks: ...

    def close(self) -> None:
        """Lets go of the platform; machines run on."""
