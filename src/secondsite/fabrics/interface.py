"""What an appliance needs from a platform, as small protocols.

A fabric is made by `entry` from a URI and a work directory, belongs to one site, and is used by several
threads at once. Every method has its own deadline, raises only `domain.errors`, and can be repeated after a
crash. A fabric touches only what carries our tag, except that it reads the inventory, that
`Tracking.enable` tags a machine whose owner protects it, and that a view on trial is opened, and leaves
nothing behind.

Machines are named by fabric id (a UUID as text, constant for the machine's life).
Sizes are bytes, spans are seconds, times are aware UTC.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..datapath.digests import DigestSource
from ..datapath.disks import CollectedDisk
from ..domain.machines.connecting import Sight
from ..domain.machines.hardware import Hindrance
from ..wire.common.machines import MachineDefinition, NetworkInfo, NetworkService
from ..wire.common.machines import PowerState as PowerState
from ..wire.common.properties import AS_DEFINED as AS_DEFINED
from ..wire.common.properties import Sizing
from .addressing import Addressing
from .calling import Calling
from .capacity import Capacity
from .entering import Entering
from .reaching import Reaching
from .scripting import Scripting
from .seeing import Seeing
from .settling import Settling
from .spanning import LocalSpan as LocalSpan

Progress = Callable[[float, str], None]
"""Is told a fraction, and what is being done."""


def untold(_fraction: float, _doing: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Properties:
    """What a platform can do. The core reads it and never guesses."""

    kind: str
    accelerated: bool
    networks: bool
    notes: tuple[str, ...] = ()
    hosts: bool = True
    """Whether machines can be made and started here. If not, they are only protected from here."""
    may_miss_writes: bool = False
    """Whether tracking may miss a write that nothing notices. Then `Tracking.compare` tells of blocks."""
    vetoes: bool = True
    """Whether the platform can keep everybody from starting a machine, where the host has what that takes. If
    not, a forbidden start is only refused to us, and not made by the host at its own."""
    lists: str = "virsh list --all"
    """The command that shows a person all machines."""


@dataclass(frozen=True, slots=True)
class MachineSummary:
    fabric_id: str
    name: str
    power: PowerState
    tag: str | None
    definition: MachineDefinition
    attached: tuple[str, ...] | None = None
    """Keys of the disks that a running machine has now; its definition applies from its next start. None
    if only the definition is known, and in lists."""
    start_forbidden: bool = False
    """Whether `forbid_start` has put its mark on the machine."""


@dataclass(frozen=True, slots=True)
class HeldDisk:
    """A disk, or a drive, of any machine of the site, ours or not. `now`: the machine is on and has it;
    `kept`: it has it from its next start on. `path` is its file here, also for a volume of a storage pool;
    empty if that is not known. `below`: the backing file that its definition names, if any. `format`: as its
    definition says; what a raw file begins with is its guest's, and no header."""

    key: str
    path: str
    now: bool
    kept: bool
    read_only: bool = False
    below: tuple[str, ...] = ()
    format: str = "qcow2"
    inactive_pool: str = ""
    """The storage pool that it is a volume of, if the machine cannot start before that is made active."""


@dataclass(frozen=True, slots=True)
class HeldResources:
    """What a machine of the site uses: its disks, and the MAC addresses of its cards in lower case. `stays`:
    whether the platform still knows it when it is off."""

    disks: tuple[HeldDisk, ...]
    macs: frozenset[str]
    stays: bool = True


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One obstacle found by a check, with the recommended action. `blocking` ones stop the verb; `disk` is
    the key of the disk concerned, if any."""

    what: str
    do: str
    blocking: bool = True
    disk: str | None = None


@dataclass(frozen=True, slots=True)
class Concern:
    """What the operator of a machine should know of it. `code`: the finding that it becomes, one of
    CONCERNS."""

    code: str
    what: str


CONCERNS = (
    "machine-doubled",
    "machine-silent",
    UNPREPARED := "machine-unprepared",
    APPLICATIONS_LATE := "applications-late",
    "agent-outdated",
    "machine-fenced",
)
LONGEST_CONCERN = 2000


def unprepared(found: Iterable[Hindrance | Obstacle]) -> Sequence[Concern]:
    """What would be in the way after a failover, as one concern; none if there is nothing."""
    said = " ".join(f"{each.what} {each.do}" for each in found)
    return [Concern(UNPREPARED, said[:LONGEST_CONCERN])] if said else []


class Inventory(Protocol):
    def list(self) -> Sequence[MachineSummary]:
        """All machines of the site, protected or not."""

    def get(self, fabric_id: str) -> MachineSummary | None:
        """One machine, or None if the platform does not know it."""

    def running(self) -> frozenset[str]:
        """Ids of the machines that are on now; cheap. Raises FabricError."""

    def tag(self, fabric_id: str) -> str | None:
        """The machine's tag alone, which is cheap to ask for; raises NotFound."""

    def holding(self, fabric_id: str) -> HeldResources:
        """What it uses now if it is on, and what it will use from its next start on; raises NotFound."""

    def concerns(self, fabric_id: str) -> Sequence[Concern]:
        """What the platform finds about a machine, for its operator: cheap, and asked again and again. Empty
        for a machine that it does not know."""

    def inside(self, fabric_id: str) -> Sight | None:
        """What an agent in a machine saw when it looked last of what lets somebody connect to it: cheap, and
        asked again and again. None for a machine that the platform does not know, or cannot look into."""

    def beginning(self, fabric_id: str, disk: str, length: int) -> bytes:
        """The first bytes of one of its disks, as they are at about now; empty if they cannot be read from
        here. They are the guest's, and may be anything."""


class Power(Protocol):
    def state(self, fabric_id: str) -> PowerState:
        """Whether it runs. Only here a machine is also 'saved' or 'elsewhere'; the inventory calls both
        'off'."""

    def start(self, fabric_id: str, progress: Progress = untold) -> None:
        """Starts the machine; harmless if it runs, and one that its owner paused stays paused. `progress` is
        told how far a start is that takes long. Raises FabricError if its start is forbidden."""

    def cannot_start(self, fabric_id: str) -> Obstacle | None:
        """Why nobody could start the machine from here now, as one that is off and that only a person at it
        switches on; None if `start` may be tried. Raises FabricError."""

    def stays_defined(self, fabric_id: str) -> bool:
        """Whether the platform still knows the machine when it is off; True if it does not know it now."""

    def starts_with_host(self, fabric_id: str) -> bool:
        """Whether the machine starts when its host does; raises NotFound."""

    def forbid_start(self, fabric_id: str, tag: str) -> None:
        """Forbid the machine's start: it does not start with its host any more and, if the platform has a
        veto, nobody can start it. This survives reboots; a running machine runs on. Raises NotOurs,
        NotFound."""

    def allow_start(self, fabric_id: str, tag: str, *, with_host: bool) -> None:
        """Undoes `forbid_start`; harmless if the start is not forbidden. `with_host`: it starts with its
        host again. Raises NotOurs, NotFound."""

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Asks the guest to power off and waits; True once it is off, False after `grace_seconds`."""

    def stop(self, fabric_id: str) -> None:
        """Cuts the power; harmless if the machine is off or missing."""


@dataclass(frozen=True, slots=True)
class DiskChanges:
    """One disk at the instant `ChangeSession.taken_at`, readable over NBD until the session ends.

    `bitmaps` names the meta contexts (without 'qemu:dirty-bitmap:') whose union is what changed since the
    base; empty means that there is no usable base: everything may have changed.
    """

    key: str
    size_bytes: int
    socket: Path
    export: str
    bitmaps: tuple[str, ...]
    collected: CollectedDisk | None = None
    """What changed, if it was read when the view was made: then there is no export, and nothing else of the
    disk can be read. It is closed with the view."""
    digests: DigestSource | None = None
    """Tells what it holds without reading it here, where the platform can: then a comparison reads only what
    differs."""
    while_comparing: bool = False
    """Whether `bitmaps` count only within a comparison: of a block device whose machine is off, the count of
    its writes does not tell that its storage put an older content back."""


@dataclass(frozen=True, slots=True)
class RunningView:
    """How the view of a machine that runs was opened: `kind` is a word of the platform's, `reason` a sentence
    why it is not the kind that the platform prefers."""

    kind: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSession:
    """A frozen view of all disks of a machine at one instant.

    Every write whose end the guest saw before `taken_at` is in it; writes that ended within
    `pause_seconds` after that may be. So a point never promises more than it has."""

    taken_at: datetime
    checkpoint: str | None
    """The checkpoint that was made with the view, the base of the next one. None for an instant without a
    view, and for a view on trial."""
    disks: tuple[DiskChanges, ...]
    consistency: str = "crash"
    reason: str | None = None
    pause_seconds: float = 0.0
    scratch_bytes: Callable[[], int] = field(default=lambda: 0)
    """Bytes of scratch space in use now; the caller gives up the session before the budget is reached
    (P1). Raises OSError if that cannot be seen, as when the job has ended or somebody removed the files."""
    abandon: Callable[[], None] = field(default=lambda: None)
    """Ends the job at once, so that the guest's writes cost no more space. Call it from any thread before
    the context is left, and always before a reader of the disks disconnects. Later reads give wrong data
    or an error."""
    wanted_seconds: Callable[[], float] = field(default=lambda: 0.0)
    """How long another program may have been waiting for the machine because of this view; 0 if none does, or
    the platform cannot tell. It is cheap: call it again and again."""
    gave_way: Callable[[], None] = field(default=lambda: None)
    """Tells the platform that the view ends because another program waits."""
    most_connections: int | None = None
    """The most connections that the server of the disks accepts in all; None if there is no limit."""
    how: RunningView | None = None
    """How it was opened, where a platform has several ways; None of a machine that is off."""
    is_instant: bool = True
    """Whether all that is read is of one instant. If not, the machine writes to what is read, and that is
    marked for the next view: it leaves no point, and only the cycle after it may."""
    at_rest: bool = False
    """Whether the machine was off: its disks are read in place, and their owner may start it meanwhile."""
    holds: Callable[[], bool] = field(default=lambda: True)
    """Whether everything read so far is of `taken_at`: False if disks at rest were written meanwhile. Call it
    after the last read, and rely on the view only if it is True."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """`base` is the checkpoint that the target acknowledged last, or None for a first, full view.

    `new_checkpoint` is a name never used before (ours: 'secondsite-<epoch>-<seq>'). `scratch_dir` is on the
    file system that the scratch budget is for. `disks` are the keys to include.
    """

    fabric_id: str
    disks: tuple[str, ...]
    base: str | None
    new_checkpoint: str
    scratch_dir: Path
    app_consistent: bool = False
    beyond_changes: bool = False
    """Whether more will be read than what changed since the base: a first copy, or a comparison."""
    scratch_bytes: int | None = None
    """How much scratch space the view may take before its caller gives it up; None if that is not said."""
    longest_seconds: float = 3600.0
    """A view of a running machine that is open longer ends by itself, even if this process hangs."""
    instant: Callable[[], AbstractContextManager[None]] = nullcontext
    """A context around the act that fixes the view of a running machine, entered once everything else is
    ready; the caller may wait in it for other machines."""
    trial: bool = False
    """Whether the view is only tried, on a machine that may be without our tag: no checkpoint begins, and
    nothing stays in the machine or its disks. What a dead process left of it, the next opening of the fabric
    removes. `base` is None."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """At `taken_at` the disks of a running machine had the same content as at the checkpoint: every write
    whose end the guest saw before is in it. `sizes_bytes` are the sizes of the disks asked about, by disk
    key."""

    taken_at: datetime
    sizes_bytes: Mapping[str, int]
    attached: tuple[str, ...] = ()
    """The keys of all disks that the machine has, if it runs."""


@dataclass(frozen=True, slots=True)
class AcknowledgedDisks:
    """The disks of a machine, and the checkpoint that the target acknowledged last."""

    fabric_id: str
    disks: tuple[str, ...]
    base: str


@dataclass(frozen=True, slots=True)
class ExpectedBlocks:
    """What blocks of 64 KiB of a disk held at the acknowledged checkpoint `base`, from `offset` on: their
    xxh3-128, 16 bytes each."""

    fabric_id: str
    disk: str
    base: str
    offset: int
    digests: bytes


@dataclass(frozen=True, slots=True)
class ComparedBlocks:
    """What a comparison found, of the first `blocks` of them at least. `unmarked`: offsets of blocks that
    differ although no mark covers them."""

    blocks: int
    unmarked: tuple[int, ...] = ()


class Tracking(Protocol):
    """Change tracking: checkpoints with dirty bitmaps, and frozen views to read from."""

    def check(self, fabric_id: str) -> Sequence[Obstacle]:
        """Why this machine can't be tracked: raw disks, qcow2 v2, internal snapshots, foreign checkpoints,
        ..."""

    def enable(self, fabric_id: str, tag: str) -> None:
        """Tags the machine as protected by us (`tag` is our machine id). Raises NotOurs if it has another
        tag."""

    def recognizes(self, acknowledged: AcknowledgedDisks) -> bool:
        """Whether the machine of this id is certainly the one that had this checkpoint, although it carries
        no tag: all its disks of that time carry the checkpoint's mark, or it has run under our tag since it
        was started. False if that cannot be told."""

    def open(self, request: SessionRequest) -> AbstractContextManager[ChangeSession]:
        """A frozen view; leaving the context ends the job and its scratch space, but keeps both checkpoints.

        Works for a running machine (backup job) and for one that is off (disks and bitmaps are read in
        place). If `base` is unknown, lost or inconsistent for a disk, that disk's `bitmaps` is empty: the
        caller falls back to compare. Raises FabricError if a foreign job blocks the machine, UnsafeToView if
        a view could crash the machine. The view of a running machine ends soon after the death of this
        process, whatever else dies."""

    def end_left_over(self, fabric_id: str) -> None:
        """Ends a view that a dead process left open, or that could not be ended; harmless without one, and
        for a machine that is missing. No other view of the machine may be open in this process."""

    def keeping(self, fabric_id: str) -> AbstractContextManager[None]:
        """A context in which a running machine is shut down, or stopped: what it writes until it is off is
        told by the next view, also of disks that keep no bitmaps, unless somebody writes to them afterwards.
        If the machine is on at the end, nothing of this is left in it. Disks where that cannot be kept are
        compared."""

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> Unwritten | None:
        """Whether nothing was written to these disks of a machine since the acknowledged checkpoint `base`.

        Costs no view, no job and no drain of the disks; with the machine off it takes a process that reads
        the stored bitmaps. None means that a view is needed: something was written, a disk or its bitmap
        was replaced, other checkpoints of ours wait for `acknowledge`, or the platform cannot tell. Raises
        FabricError, NotFound."""

    def all_unwritten(self, asked: Sequence[AcknowledgedDisks]) -> Mapping[str, Unwritten]:
        """The same for many running machines at once, by fabric id, as far as the platform can tell it
        cheaply: a machine that is not in the answer must be asked for separately. Raises FabricError."""

    def compare(self, expected: ExpectedBlocks) -> ComparedBlocks | None:
        """Compare blocks of a running machine, of which no view is open, as they are now. It changes nothing,
        gives way to the machine's own work, and takes seconds. None if marks since the base are not to be
        trusted anyway, as the next view tells, or where tracking misses nothing."""

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        """Note that the target has everything up to checkpoint `keep`: removes all our other checkpoints,
        also those of views whose data never arrived. Foreign checkpoints stay."""

    def hand_over(self, fabric_id: str) -> str:
        """What is known here of the machine's checkpoints, for `take_over` at another host of the same
        storage; empty if that is nothing. The machine may be gone from here."""

    def take_over(self, fabric_id: str, known: str) -> None:
        """Go on with the checkpoints of a machine that came by live migration, as far as their bitmaps came
        with it: what is `known` of them, from `hand_over`, replaces what was known here. Text that cannot be
        understood counts as nothing, and the next view has no base. Raises NotFound."""

    def disable(self, fabric_id: str) -> None:
        """Removes all our checkpoints, bitmaps and the tag of a machine that runs, is off or is gone."""


@dataclass(slots=True)
class Freeze:
    """How a guest was frozen. `seconds` is how long its file systems were frozen; it and `consistency` are
    final once they are thawed."""

    consistency: str = "crash"
    reason: str | None = None
    seconds: float = 0.0


class Firmware(Protocol):
    """The state that a machine's firmware keeps outside its disks: UEFI variables, an emulated TPM."""

    def read(self, fabric_id: str) -> Mapping[str, bytes]:
        """The present state as small files by name ('nvram', 'tpm/NAME'); empty if the machine has none.
        Each file is whole, but not of the exact instant of the disks. Raises FabricError for state that
        cannot be read or is too large to travel, NotFound."""


class CommonPause(Protocol):
    def freeze(self, fabric_ids: Sequence[str]) -> AbstractContextManager[Mapping[str, Freeze]]:
        """Freezes the file systems of all guests at once inside the context, where their agents allow it;
        yields the results by fabric id. Thaws in any case, within ten seconds. Enter it before `pause`."""

    def pause(self, fabric_ids: Sequence[str], budget_seconds: float) -> AbstractContextManager[datetime]:
        """Pauses the vCPUs of all machines inside the context; yields the common instant. Resumes in any
        case, after `budget_seconds` at the latest."""


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A machine to make here from disks of ours.

    `definition` is the source's; `disks` maps disk keys to the overlay files to run on; `networks` maps the
    definition's NIC keys to a network of this site, or None for 'not connected'. `tag` marks it as ours.
    `macs` are the MAC addresses here of cards that do not keep their own, by NIC keys.
    """

    fabric_id: str
    name: str
    definition: MachineDefinition
    disks: Mapping[str, Path]
    networks: Mapping[str, str | None]
    tag: str
    firmware: Mapping[str, bytes] = field(default_factory=dict)
    """The firmware state to start with, as from `Firmware.read`; an existing machine keeps its own.
    Without files the platform makes a fresh state."""
    macs: Mapping[str, str] = field(default_factory=dict)
    home: MachineDefinition | None = None
    """The definition of this very machine that was withdrawn here: it comes home as it was, except that
    `disks` are new files; `networks` and the rest of `definition` are for what it lacks."""
    not_connected: frozenset[str] = frozenset()
    """With `home`: the keys of cards that are left out."""
    without: frozenset[str] = frozenset()
    """With `home`: the keys of `MissingPart` parts that are left out; media that are gone are always left
    out."""
    sizing: Sizing = AS_DEFINED
    """vCPUs, memory and CPU model in place of the definition's; ignored with `home`."""
    goes_back: str = ""
    """Not empty if the machine goes back in time, or is a second one: the generation id in its definition is
    then replaced by one made from this text, which differs for each start. Empty: the machine goes on from
    where it was, and keeps its id."""


@dataclass(frozen=True, slots=True)
class StartTrial:
    """A machine to try. `networks` are the networks here of its cards, by their keys; other cards are left
    out. `folder` is where the platform may put empty disks, on the file system where the machine's would lie;
    None: it is tried without disks. The folder is the caller's, and is empty afterwards. `start_forbidden`:
    it is marked as a machine that nobody may start, so a platform with a veto says that it does not."""

    definition: MachineDefinition
    sizing: Sizing = AS_DEFINED
    networks: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    start_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """How the platform would be told to make a machine. `uri`: its address; `text`: the definition in its own
    language. Both are empty if no other program could use such a text."""

    uri: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class MissingPart:
    """Something that a machine's definition names and is not there any more. `key` is for
    `HostRequest.without`. The machine cannot start without a part that is `needed`. A `medium` in a drive
    never delays a start."""

    key: str
    what: str
    needed: bool
    medium: bool = False


class Hosting(Protocol):
    """Making and removing machines from replicas."""

    def check(self, definition: MachineDefinition, wanted: Sizing = AS_DEFINED) -> Sequence[Obstacle]:
        """Why this machine could not run here, with the vCPUs and the memory that it is to have: what can be
        told without trying."""

    def try_start(
        self, trial: StartTrial, meanwhile: Callable[[str], None] | None = None
    ) -> Sequence[Obstacle]:
        """Starts the machine under a throwaway name, with empty disks, and removes it: what the platform says
        against it. Its guest never runs, and no frame leaves its cards. Nothing stays; what a dead process
        left goes when the fabric is opened. `meanwhile` is called with the fabric id of the machine, if it is
        a real one. Raises FabricError if that cannot be tried, and what `meanwhile` raises."""

    def gone(self, home: MachineDefinition, replicated: Collection[str]) -> Sequence[MissingPart]:
        """What the definition of a machine that comes home names and is not here, except its networks and the
        disks that were `replicated`."""

    def kept_out(self, folder: Path) -> Sequence[Obstacle]:
        """Why no machine here can have disks in this folder of the host; changes nothing."""

    def capacity(self) -> Capacity:
        """What the host of its machines has; raises FabricError."""

    def cpu_model(self) -> str | None:
        """The model of the host's processors, as the platform calls it; None: it does not say. Raises
        FabricError."""

    def cpu_models(self) -> frozenset[str]:
        """Names of the CPU models that its machines can have, and words for what its host has; raises
        FabricError."""

    def create(self, request: HostRequest) -> Sequence[str]:
        """Defines the machine, powered off, with autostart off. Harmless if an equal one exists; one that is
        off is redefined as requested. Returns, in words, the parts of its definition that were left out
        because they do not fit `request.sizing`, or because this site does not have them. Raises NotOurs for
        a machine of that id or name without our tag."""

    def describe(self, request: HostRequest) -> Description:
        """What `create` would tell the platform, for a person who starts the machine without secondsite.
        Changes nothing, and does not need the files of the request. Raises FabricError."""

    def remove(self, fabric_id: str, tag: str, *, leave_files: bool = False) -> None:
        """Stops and undefines the machine, with its checkpoint metadata; disks stay, and those of ours below
        them are ours again once no machine of this tag stands on them, unless `leave_files`: another host's
        machine may use them. Harmless if it is missing; raises
        NotOurs for a foreign tag."""

    def withdraw(self, fabric_id: str, tag: str, disks: Collection[str] = ()) -> MachineDefinition:
        """Removes the definition of a machine that is off, so that nobody can start it, and returns it for
        `restore`; a copy of its firmware state stays. Withholds the disks with these keys, or all if none is
        given."""

    def withhold(
        self,
        definition: MachineDefinition,
        disks: Collection[str] = (),
        above: Mapping[str, Path] | None = None,
    ) -> None:
        """If the platform can, forbids every machine to start from these disks of a withdrawn machine, until
        `create` or `restore` defines it again, or until `release`. `disks`: their keys; all if none is given.
        Disks that are only read, or that its owner shares with other machines, are left out. Harmless when
        repeated.

        `above`: the files, by disk key, on which the machine itself is here again, as `create` does for one
        that comes home: then also of all files below these, and until its disks are its own again."""

    def release(self, fabric_id: str) -> None:
        """Ends `withhold`: nothing stands on the disks of the withdrawn machine any more, and it does not
        come home; or its disks are about to become its own again. Harmless when repeated."""

    def stands_alone(self, fabric_id: str) -> bool:
        """Whether a machine that came home stands on its own disks since its start, and no more on what
        `create` was given: where it could not run on layers above them."""

    def starts_for(self, appliance_id: str) -> None:
        """If the platform can, forbids every machine to start here from a replica that hosts share and that
        is another host's appliance's, also while none runs here: this host's appliances are those that said
        so. Harmless when repeated."""

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        """Defines a withdrawn machine again as it was, with its firmware state, powered off."""

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        """Merges each disk of a machine, running or off, back into one file: everything above `disks[key]`
        in its backing chain goes into that file, which becomes the machine's disk."""


class Networks(Protocol):
    def list(self) -> Sequence[NetworkInfo]: ...

    def create_isolated(self, name: str, tag: str, span: LocalSpan | None = None) -> NetworkInfo:
        """Makes an isolated network for drills, with our tag; harmless if it exists and is ours. `span`:
        other hosts share it; what comes from none of these never reaches it. What is lost of that is made
        anew."""

    def segment_mtu(self, address: str) -> int:
        """The longest packet, in bytes, on the network on which this host has that address, so that a network
        can span it. Raises NotPossibleNow if none can, and FabricError."""

    def cannot_serve(self, subnet: str | None = None, own: Collection[str] = ()) -> Obstacle | None:
        """Why `serve` is not possible here, or not with this subnet; None if it is. The subnet is meant for
        one of the networks `own`, or is its subnet already."""

    def serve(self, name: str, tag: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        """Offers addresses and names on an isolated network of ours, in place of what it offered before,
        until the network is removed or this process ends. With `span` every host answers its own machines, at
        one address and from the same table: so none is missed when another is lost. Raises NotOurs, NotFound,
        NotPossibleNow if `cannot_serve` says why not."""

    def remove(self, name: str, tag: str) -> None:
        """Removes a network of ours; harmless if it is missing. Raises NotOurs for a foreign one."""

    def reservations(self, name: str) -> Mapping[str, str] | None:
        """The addresses that the network's DHCP server has for certain cards, by their MAC addresses in lower
        case; None if the platform runs no DHCP server there. Raises NotFound."""

    def reserve(self, name: str, mac: str, address: str, host: str) -> None:
        """Makes the network's DHCP server give the card this address, in place of another one. Only possible
        if there are `reservations`. Raises FabricError for an address that another card has, or that lies in
        none of its subnets."""

    def unreserve(self, name: str, mac: str, address: str) -> None:
        """Ends a reservation; harmless if there is none. Raises NotFound."""


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
    def common_pause(self) -> CommonPause: ...
    @property
    def firmware(self) -> Firmware: ...
    @property
    def hosting(self) -> Hosting: ...
    @property
    def settling(self) -> Settling: ...
    @property
    def networks(self) -> Networks: ...
    @property
    def seeing(self) -> Seeing: ...
    @property
    def reaching(self) -> Reaching: ...
    @property
    def entering(self) -> Entering: ...
    @property
    def addressing(self) -> Addressing: ...
    @property
    def scripting(self) -> Scripting: ...
    @property
    def calling(self) -> Calling | None:
        """None where no agents of ours call."""

    def asks_first(self, look: Callable[[str], bool]) -> None:
        """For platforms whose machines ask at their boot whether they may work: `look` finds out whether the
        machine of a fabric id was failed over, and forbids its start then; False if that cannot be found out
        now."""

    def also_enters(self, folders: Callable[[], Sequence[Path]]) -> None:
        """Folders that come and go, and are the appliance's as those are with which the fabric was opened: a
        hypervisor that runs as another user is let into both."""

    def close(self) -> None:
        """Disconnects from the platform; machines run on."""
