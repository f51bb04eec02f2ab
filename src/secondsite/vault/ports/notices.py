"""Whom to tell of what happens, what they know, and what they are still to be told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.notices.happenings import Happening
from ...domain.notices.marks import Key, Mark
from ...domain.notices.targets import NoticeTarget


@dataclass(frozen=True, slots=True)
class NoticeTargetRecord:
    """A target as it was changed last. `secret` signs what a webhook is sent, or is the password of a mail server's user."""

    id: str
    name: str
    target: NoticeTarget
    secret: str | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeDelivery:
    """How it goes with a target: what the other side said last, since when it fails, when it is tried again, and how many notices
    were given up that it was not told of."""

    target_id: str
    sent_at: datetime | None = None
    said: str = ""
    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a target is to be told. Its id stays the same however often it is sent."""

    id: str
    happening: Happening
    made_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """Notices that are sent together, under an id of their own."""

    id: str
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Unsent:
    """How many notices of a target wait, how many of them are critical, and whether a message of it has been begun."""

    notices: int
    critical: int
    begun: bool


class NoticeTargets(Protocol):
    def put(self, target: NoticeTargetRecord) -> None:
        """A new one, or in place of the one with that id; how its delivery goes stays as it is."""

    def find(self, name: str) -> NoticeTargetRecord | None: ...
    def by_id(self, target_id: str) -> NoticeTargetRecord | None: ...
    def list(self) -> Sequence[NoticeTargetRecord]:
        """By name."""

    def remove(self, target_id: str) -> None:
        """With all that it knows, and was still to be told."""

    def deliveries(self) -> Mapping[str, NoticeDelivery]:
        """By target."""

    def put_delivery(self, delivery: NoticeDelivery) -> None:
        """Of a target that is still there."""

    def claim(self, target_id: str, by: str, seconds: float) -> bool:
        """Nobody else sends to it for so long, by the database's clock, or until it is let go. False if somebody else has it."""

    def let_go(self, target_id: str, by: str) -> None: ...


class Notices(Protocol):
    def marks(self, target_id: str) -> Mapping[Key, Mark]: ...
    def put_marks(self, target_id: str, marks: Collection[Mark]) -> None: ...
    def remove_marks(self, target_id: str, keys: Collection[Key]) -> None: ...

    def add(self, target_id: str, notices: Sequence[Notice]) -> None:
        """One whose id is there already stays as it is."""

    def known(self, notice_ids: Sequence[str]) -> frozenset[str]:
        """Those of them that are there, sent or not."""

    def unsent(self) -> Mapping[str, Unsent]:
        """By target, of those that have any."""

    def message(self, target_id: str, *, critical: bool = False) -> NoticeMessage | None:
        """The first that was begun and not sent, if there is one; of `critical` ones that which holds a critical notice."""

    def begin(self, target_id: str, message_id: str, at_most: int, *, critical: bool) -> NoticeMessage | None:
        """A new one, of those that wait, the oldest first; of the critical ones only, if so asked. None: nothing waits."""

    def end(self, message_id: str, at: datetime) -> None:
        """It was sent."""

    def give_up(self, message_id: str, made_before: datetime, at: datetime) -> int:
        """What of it is older than that; gives how many these are."""

    def forget(self, ended_before: datetime) -> None: ...
