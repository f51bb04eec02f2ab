"""All machines of a cluster, with few calls.

One list tells of all of them whether they run and what tags they have. Definitions are read one by one: at
first, when the list shows that something changed, and each once in a while for what it does not show."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from . import marks, shapes
from .connection import Connection
from .definition import identity
from .errors import MachineMoved, PveAway, PveRefused
from .shapes import Config, Row, Status

LIST_SECONDS = 5.0
"""How old the list may be that answers what is asked again and again."""
AGAIN_SECONDS = 900.0
"""Each definition is read again within this time."""
RETRY_SECONDS = 60.0
"""One that could not be read is tried again after this time."""
ALL_SECONDS = 60.0
"""For the definitions of one list. What was read stays, and the next call goes on."""
LOOK_AT_LIST = "Compare 'pvesh get /cluster/resources --type vm' at a node with what is told here."
ON, UNKNOWN = "running", "unknown"
"""What the list says of a machine."""
VMS = "/vms"
AUDIT = "VM.Audit"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A machine that can be told from all others."""

    fabric_id: str
    row: Row
    config: Config

    @property
    def path(self) -> str:
        return path_of(self.row)

    @property
    def tag(self) -> str | None:
        return marks.tag_of(self.row.vmid, self.tags)

    @property
    def tags(self) -> str:
        """All of them, its owner's too."""
        return self.config.get("tags", "")

    @property
    def is_start_forbidden(self) -> bool:
        return marks.is_start_forbidden(self.row.vmid, self.tags)


@dataclass(frozen=True, slots=True)
class Refused:
    """A guest that cannot be protected, why, and what to do."""

    name: str
    why: str
    do: str


@dataclass(frozen=True, slots=True)
class _Read:
    """A definition that was read. `look`: what the list showed then; `failed`: it was not read then, but is
    that of before, or empty."""

    config: Config
    fabric_id: str | None
    look: tuple[object, ...]
    at: float
    failed: bool = False


def path_of(row: Row) -> str:
    return f"/nodes/{row.node}/qemu/{row.vmid}"


class Machines:
    """Used by several threads at once. `clock` counts seconds."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._lock = threading.Lock()
        self._rows: Mapping[int, Row] = {}
        self._listed_at = -LIST_SECONDS
        self._read: dict[int, _Read] = {}
        self._again_at = clock()
        self._known: Mapping[str, Known] | None = None
        self._odd: Sequence[str] = ()

    def rows(self, *, now: bool = False) -> Mapping[int, Row]:
        """All virtual machines and containers by their numbers; `now`: not a list of a moment ago."""
        with self._lock:
            return self._current(now=now)

    def all(self) -> Mapping[str, Known]:
        """All that can be protected, by fabric id. Raises PveAway if not all definitions could be read in
        time."""
        with self._lock:
            rows = self._current()
            self._read_what_is_due(rows)
            if self._known is None:
                self._known = {each.fabric_id: each for each in self._told_apart(rows)}
            return self._known

    def refused(self) -> Sequence[Refused]:
        """All that cannot, as of the last list."""
        known = {each.row.vmid for each in self.all().values()}
        rows = [self._refusal(row) for vmid, row in sorted(self.rows().items()) if vmid not in known]
        odd = [Refused("a guest", f"its {each} cannot be understood", LOOK_AT_LIST) for each in self._odd]
        return [*rows, *odd]

    def glance(self, fabric_id: str) -> Known | None:
        """The machine as of a moment ago; for what is asked again and again."""
        return self.all().get(fabric_id)

    def find(self, fabric_id: str) -> Known | None:
        """The machine with its definition of now; None if there is none for certain. Raises PveAway and
        PveRefused where it may be one that cannot be looked at: what nobody sees is not missing."""
        for now in (False, True):
            self.rows(now=now)
            found = self.glance(fabric_id)
            if found is not None:
                self._look_again(found.row)
                found = self.glance(fabric_id)
            if found is not None:
                return found
        self._require_all_read()
        self._require_sight_of_all()
        return None

    def status(self, found: Known) -> Status:
        """Whether it runs now. Raises PveAway for a machine whose node does not answer: nobody knows."""
        if found.row.status == UNKNOWN:
            said = f"Node {found.row.node} does not answer: nobody knows whether {found.row.label} runs."
            raise PveAway(said)
        told = self._connection.get(f"{found.path}/status/current")
        return shapes.read(Status, told, found.row.label)

    def _look_again(self, row: Row) -> None:
        with self._lock:
            try:
                self._read_one(row)
            except MachineMoved:
                self._forget(row)

    def _current(self, *, now: bool = False) -> Mapping[int, Row]:
        if now or self._clock() - self._listed_at >= LIST_SECONDS:
            self._rows, self._known = self._listed(), None
            self._listed_at = self._clock()
            self._read = {vmid: each for vmid, each in self._read.items() if vmid in self._rows}
        return self._rows

    def _listed(self) -> Mapping[int, Row]:
        told = self._connection.get("/cluster/resources", {"type": "vm"})
        read = list(shapes.read_all(Row, told, "its machines"))
        self._odd = [each for each in read if isinstance(each, str)]
        return {each.vmid: each for each in read if isinstance(each, Row)}

    def _read_what_is_due(self, rows: Mapping[int, Row]) -> None:
        """One that cannot be read costs none of the others. Of a node that is away nothing more is asked, and
        what was known stays."""
        until, away = self._clock() + ALL_SECONDS, set[str]()
        due = [row for row in rows.values() if _has_definition(row) and self._is_due(row)]
        for row in [*due, *self._oldest(rows)]:
            if self._clock() > until:
                raise PveAway(f"The definitions of {len(rows)} machines take more than {ALL_SECONDS:.0f} s.")
            if row.node in away or not self._try_one(row):
                away.add(row.node)
                before = self._read.get(row.vmid)
                self._failed(row, before.config if before else {})

    def _is_due(self, row: Row) -> bool:
        read = self._read.get(row.vmid)
        if read is None or read.look != _look(row):
            return True
        return read.failed and self._clock() - read.at >= RETRY_SECONDS

    def _try_one(self, row: Row) -> bool:
        """False if its node does not answer."""
        try:
            self._read_one(row)
        except PveAway:
            return False
        except PveRefused as problem:
            log.warning("pve.definition-not-read", vmid=row.vmid, problem=problem.message)
            self._failed(row, {})
        return True

    def _failed(self, row: Row, config: Config) -> None:
        self._read[row.vmid] = _Read(config, identity(config), _look(row), self._clock(), failed=True)
        self._known = None

    def _oldest(self, rows: Mapping[int, Row]) -> list[Row]:
        """As many as fit into the time since the last ones, the oldest first."""
        due = int((self._clock() - self._again_at) * len(self._read) / AGAIN_SECONDS)
        if due <= 0:
            return []
        self._again_at += due * AGAIN_SECONDS / len(self._read)
        oldest = sorted(self._read, key=lambda vmid: self._read[vmid].at)[:due]
        return [rows[vmid] for vmid in oldest if vmid in rows and _has_definition(rows[vmid])]

    def _read_one(self, row: Row) -> None:
        told = shapes.config(self._connection.get(f"{path_of(row)}/config"), row.label)
        self._read[row.vmid] = _Read(told, identity(told), _look(row), self._clock())
        self._known = None

    def _forget(self, row: Row) -> None:
        self._read.pop(row.vmid, None)
        self._known = None

    def _told_apart(self, rows: Mapping[int, Row]) -> Iterator[Known]:
        """Those with an identity that is theirs alone."""
        for fabric_id, same in self._by_identity(rows).items():
            if (row := _meant(same)) is not None:
                yield Known(fabric_id, row, self._read[row.vmid].config)

    def _by_identity(self, rows: Mapping[int, Row]) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for vmid, read in self._read.items():
            if read.fabric_id is not None and vmid in rows and not rows[vmid].template:
                found.setdefault(read.fabric_id, []).append(rows[vmid])
        return found

    def _refusal(self, row: Row) -> Refused:
        if row.type == "lxc":
            return Refused(row.label, "it is a container", "Protect what is in it by other means.")
        if row.template:
            return Refused(row.label, "it is a template", "Protect the machines that were made of it.")
        read = self._read.get(row.vmid)
        if read is None or read.failed:
            do = f"Look at its node {row.node}: 'pvecm status', 'qm config {row.vmid}'."
            return Refused(row.label, "its definition cannot be read", do)
        why = "it has no UUID (smbios1)" if read.fabric_id is None else "another machine has the same UUID"
        return Refused(row.label, why, f"Run 'qm set {row.vmid} --smbios1 uuid=$(uuidgen)' at {row.node}.")

    def _require_all_read(self) -> None:
        if self._odd:
            raise PveRefused(f"A guest's {self._odd[0]} cannot be understood.", do=LOOK_AT_LIST)
        unread = [row for row in self._rows.values() if row.type == "qemu" and not self._is_read(row)]
        if unread:
            raise PveAway(
                f"The definition of {unread[0].label} at node {unread[0].node} cannot be read: it may be the "
                "machine that is looked for."
            )

    def _is_read(self, row: Row) -> bool:
        read = self._read.get(row.vmid)
        return read is not None and not read.failed

    def _require_sight_of_all(self) -> None:
        told = self._connection.get("/access/permissions", {"path": VMS})
        held = told if isinstance(told, dict) else {}
        for path in ("/", VMS):
            privileges = held.get(path)
            if isinstance(privileges, dict) and privileges.get(AUDIT):
                return
        raise PveRefused(
            "The API token may not see all machines of the cluster: nobody knows what is missing.",
            do="Run 'pveum acl modify /vms --tokens USER@REALM!NAME --roles ROLE' at a node, with a role "
            f"that has {AUDIT}.",
        )


def _meant(same: Sequence[Row]) -> Row | None:
    """Of machines with the same identity the one with our mark, or the only one: a restored copy brings the
    mark along under another number, where it does not count."""
    if len(same) == 1:
        return same[0]
    ours = [row for row in same if marks.tag_of(row.vmid, row.tags) is not None]
    return ours[0] if len(ours) == 1 else None


def _look(row: Row) -> tuple[object, ...]:
    """What the list shows of a definition. Not its lock: that changes with each backup."""
    return (row.node, row.name, row.status, row.tags, row.template, row.maxcpu, row.maxmem, row.maxdisk)


def _has_definition(row: Row) -> bool:
    return row.type == "qemu" and row.status != UNKNOWN
