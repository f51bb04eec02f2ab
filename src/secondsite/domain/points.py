"""Recovery points, and which of them a failover starts from.

Multi-VM choices use the point that every machine of the group shares: the caller names the set
(groups.newest_set). A machine outside any group uses its latest point of that consistency (S-066, S-067).
LATEST is resolved only after what was sent has been processed, so here it is the newest point, like
LATEST_PROCESSED; the difference is that a step drains the inbox first (S-059, S-061, C-13).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Protocol, TypeVar

from ..ground.plural import counted
from ..ground.uptime import Uptime
from . import errors, shell


class Consistency(StrEnum):
    """The state of a point's disks. crash: as after a power failure; app: the guest's file systems were
    frozen."""

    CRASH = "crash"
    APP = "app"


class Grade(StrEnum):
    """What is known about a point, in rising order. sent: it arrived; read: its data was read, and is what
    was sealed; booted: a machine started from it proved that its guest runs; application: every check that is
    set for the machine passed as well."""

    SENT = "sent"
    READ = "read"
    BOOTED = "booted"
    APPLICATION = "application"


class RecoveryPointChoice(StrEnum):
    """How a recovery point is chosen. latest: everything sent is processed first, to lose the least;
    latest_processed: the newest point that is ready, to start the soonest; latest_verified: the newest from
    which a machine proved, in a drill or a failover, that it runs; multi_vm: a common point of the machine's
    replication group; custom: a point by its id."""

    LATEST = "latest"
    LATEST_PROCESSED = "latest_processed"
    LATEST_APP_CONSISTENT = "latest_app_consistent"
    LATEST_VERIFIED = "latest_verified"
    LATEST_MULTI_VM_PROCESSED = "latest_multi_vm_processed"
    LATEST_MULTI_VM_APP_CONSISTENT = "latest_multi_vm_app_consistent"
    CUSTOM = "custom"


APP_CHOICES = frozenset(
    {RecoveryPointChoice.LATEST_APP_CONSISTENT, RecoveryPointChoice.LATEST_MULTI_VM_APP_CONSISTENT}
)
MULTI_VM_CHOICES = frozenset(
    {RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED, RecoveryPointChoice.LATEST_MULTI_VM_APP_CONSISTENT}
)


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """An instant (`taken_at`, UTC, by the source's clock) that the machine can be started from."""

    id: str
    taken_at: datetime
    consistency: Consistency = Consistency.CRASH
    epoch: int = 0
    seq: int = 0
    set_id: str | None = None
    reason: str | None = None
    committed: bool = False
    damaged: bool = False
    """Reading found that its data is not what was sealed, or it stands on such a point and was not read
    since."""
    sealed_at: datetime | None = None
    """When the target sealed it, by the target's clock (UTC)."""
    uptime: Uptime | None = None
    """The uptime of the target's host when the point was sealed; None for a point of a release that did not
    record it."""
    proof: Grade | None = None
    """What a machine that was last started from it proved: BOOTED, APPLICATION, or None."""


class Aged(Protocol):
    """The fields of a point that retention needs: a protocol, so that thousands of records need not become
    RecoveryPoints."""

    @property
    def id(self) -> str: ...
    @property
    def taken_at(self) -> datetime: ...
    @property
    def epoch(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def set_id(self) -> str | None: ...
    @property
    def committed(self) -> bool: ...
    @property
    def damaged(self) -> bool: ...
    @property
    def sealed_at(self) -> datetime | None: ...
    @property
    def uptime(self) -> Uptime | None: ...
    @property
    def proof(self) -> Grade | None: ...


class Choosable(Aged, Protocol):
    """The fields of a point that a choice needs."""

    @property
    def consistency(self) -> Consistency: ...


CHOOSE_ANOTHER = (
    "List the points with 'secondsite point list MACHINE' and choose one, or use latest_processed."
)
PROVE_ONE = (
    "Use latest_processed, or another point of 'secondsite point list MACHINE'. A drill from a point "
    "verifies it, if the machine then proves that it runs."
)
AWAIT_ONE = (
    "Wait for the next one: 'secondsite machine show MACHINE' tells what replication does. A damaged one "
    "that passes 'secondsite point verify MACHINE POINT' can be chosen."
)
AnyPoint = TypeVar("AnyPoint", bound=Aged)
AnyChoosable = TypeVar("AnyChoosable", bound=Choosable)
arrival = attrgetter("epoch", "seq")
"""The key by which points are sorted into their order of arrival, which does not depend on clocks."""


MOST_OLDER = 12
"""The most older points that one job tries: the last of them is some 4,000 points back."""


def newest(points: Iterable[AnyPoint]) -> AnyPoint | None:
    """The newest point by order of arrival; None without points."""
    return max(points, key=arrival, default=None)


def older(points: Iterable[AnyPoint], than: tuple[int, int], places: int) -> AnyPoint | None:
    """The whole point that is so many places older than what arrived then (its epoch and number), which need
    not be there any more, or the oldest if there are fewer; None if there is none."""
    ordered = sorted((each for each in points if arrival(each) < than), key=arrival, reverse=True)
    whole = [point for point in ordered if not (point.damaged or point.committed)]
    return whole[: max(1, places)][-1] if whole else None


def pick(
    points: Sequence[AnyChoosable],
    choice: RecoveryPointChoice,
    custom_id: str | None = None,
    set_id: str | None = None,
    *,
    committed_too: bool = False,
) -> AnyChoosable:
    """The point that a failover of one machine starts from. Raises NotFound, which says what exists. Damaged
    points are skipped; PointDamaged for one that is named. `committed_too`: a point that a failover was
    committed to may be named; a vault that has no record of the commit takes over the machine that runs on
    it.

    `set_id` is the set that a multi-VM choice uses; None for a machine outside any group.
    """
    selectable = [point for point in points if not point.committed]
    if choice is RecoveryPointChoice.CUSTOM:
        return _by_id(points if committed_too else selectable, custom_id)
    wanted = set_id if choice in MULTI_VM_CHOICES else None
    whole = [point for point in selectable if not point.damaged]
    found = newest(point for point in whole if _matches(point, choice) and wanted in (None, point.set_id))
    if found is None:
        damaged = len(selectable) - len(whole)
        others = PROVE_ONE if choice is RecoveryPointChoice.LATEST_VERIFIED else CHOOSE_ANOTHER
        raise errors.NotFound(
            f"There is no recovery point for the choice '{choice}' ({counted(len(whole), 'other point')}"
            f"{f', {damaged} damaged' if damaged else ''}).",
            do=others if whole else AWAIT_ONE,
        )
    return found


def require_common(choice: RecoveryPointChoice, are_grouped: bool, what: str) -> None:
    """Raises InvalidArgument for a multi-VM choice if no machine of `what` has common points (S-068)."""
    if choice not in MULTI_VM_CHOICES or are_grouped:
        return
    same = (
        RecoveryPointChoice.LATEST_APP_CONSISTENT
        if choice in APP_CHOICES
        else RecoveryPointChoice.LATEST_PROCESSED
    )
    raise errors.InvalidArgument(
        f"{what} has no machine in a replication group, so there is nothing common to choose by '{choice}'.",
        do=f"Use {same}: it starts from the same point.",
    )


def _by_id(points: Sequence[AnyChoosable], point_id: str | None) -> AnyChoosable:
    if not point_id:
        raise errors.InvalidArgument(
            "The choice 'custom' needs a recovery point id.",
            do="Add --point ID; 'secondsite point list MACHINE'.",
        )
    for point in points:
        if point.id == point_id:
            _require_whole(point)
            return point
    raise errors.NotFound(
        f"There is no recovery point '{point_id}'.", do="List them with 'secondsite point list MACHINE'."
    )


def _require_whole(point: Choosable) -> None:
    if point.damaged:
        raise errors.PointDamaged(
            f"Recovery point '{point.id}' is damaged, or stands on one that is and was not read since.",
            do="Choose another with 'secondsite point list MACHINE', or start 'secondsite point verify "
            f"MACHINE {shell.arguments(point.id)}': a point that passes can be chosen. If none does, plain "
            "QEMU starts what is left of one with the command in its manifest, in the target's store.",
        )


def _matches(point: Choosable, choice: RecoveryPointChoice) -> bool:
    if choice is RecoveryPointChoice.LATEST_VERIFIED:
        return point.proof is not None
    return choice not in APP_CHOICES or point.consistency is Consistency.APP


def point_id(taken_at: datetime, epoch: int, seq: int) -> str:
    """The id of a cycle's point, always the same for the same cycle, so that a repeat is noticed:
    20261120T081530Z-1.42."""
    return f"{taken_at:%Y%m%dT%H%M%SZ}-{epoch}.{seq}"
