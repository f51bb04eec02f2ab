"""Which agents are here, and machines that come with the identity of another one."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from .conversation import Conversation
from .errors import Refused
from .words import Hello

ANSWER_SECONDS: Final = 5.0
REMEMBERED_SECONDS: Final = 120.0
DOUBLE_SECONDS: Final = 900.0
MOST_DOUBLES: Final = 1000

log = structlog.get_logger(__name__)

Place = tuple[str, str]


class Hardware(enum.Enum):
    """Whose the hardware is that an agent calls from: the machine's own; another one, which may be a copy
    of it or its owner's new mainboard; that of its copy, since it was failed over; since then also one that
    is neither: its disks in another server, or on a new mainboard; that of a copy which a failover left
    behind that has ended; that of a server whose place another one took."""

    OWN = "own"
    OTHER = "other"
    COPY = "copy"
    STRANGE = "strange"
    LEFT_BEHIND = "left-behind"
    REPLACED = "replaced"


ALONE: Final = {
    Hardware.STRANGE: "it was failed over: two copies work now. Switch it off",
    Hardware.LEFT_BEHIND: "it is the copy of a failover that has ended. Switch it off",
    Hardware.REPLACED: "another server took its place",
    Hardware.OTHER: "it is on other hardware, with a certificate that counts no more: a clone of it, or the "
    "machine on a new mainboard, which needs a new key ('secondsite appliance agents key --for MACHINE')",
}
"""Whose machine must not work, and why. On other hardware that is so only of who is not let in."""
OF_ONE_AT_HOME: Final = {ALONE[Hardware.LEFT_BEHIND], ALONE[Hardware.OTHER]}


def own(_agent_id: str, _product: str) -> Hardware:
    """Where nobody tells them apart."""
    return Hardware.OWN


@dataclass(frozen=True, slots=True)
class Double:
    """Two machines with one certificate: the one that is served, and the one that was refused. `although`:
    why that one must not work, whoever is served, to be said after that; then nobody is named who is."""

    agent_id: str
    served_name: str
    served_address: str
    refused_name: str
    refused_address: str
    since: datetime
    although: str = ""

    @property
    def is_of_one_at_home(self) -> bool:
        """Whether it must not work as the machine does, at home; else it must not as that was failed over."""
        return self.although in OF_ONE_AT_HOME


class Presence:
    """The control connection of each agent, one for each kind of certificate. Thread-safe."""

    def __init__(self) -> None:
        self.hardware: Callable[[str, str], Hardware] = own
        self._lock = threading.Lock()
        self._here: dict[Place, Conversation] = {}
        self._last: dict[Place, Conversation] = {}
        """Who was heard last, also after it left."""
        self._doubles: dict[tuple[str, str, str], tuple[float, Double]] = {}
        self._shut_out: dict[str, tuple[float, Hello]] = {}
        """When one that is not let in called last from its own hardware, and how."""

    def of(self, agent_id: str) -> Conversation | None:
        """The rescue system's, if it is here, else the machine's."""
        with self._lock:
            return self._here.get((agent_id, "rescue")) or self._here.get((agent_id, "machine"))

    def beside(self, agent_id: str) -> Conversation | None:
        """The machine's own system, if it was heard since the rescue system came, which is here too: then
        they run on two servers. A connection that a server left behind when it was started anew is none."""
        with self._lock:
            rescue = self._here.get((agent_id, "rescue"))
            own = self._here.get((agent_id, "machine"))
        return own if rescue is not None and own is not None and own.heard_at > rescue.began_at else None

    def said_goodbye(self, agent_id: str) -> bool:
        """Whether the machine's agent was told to end by its machine when it was here last."""
        with self._lock:
            last = self._last.get((agent_id, "machine"))
        return last is not None and last.said_goodbye

    def all(self) -> Sequence[Conversation]:
        with self._lock:
            return list(self._here.values())

    def enter(self, new: Conversation, now: datetime) -> None:
        """From now on it is asked; the same machine's former connection ends, and that of whoever had its
        place on other hardware. Raises Refused for another machine that has the same certificate."""
        place = new.peer.agent_id, new.peer.kind
        self._require_welcome(new, now)
        with self._lock:
            last = self._last.get(place)
        if last is not None and not _is_same(last.hello, new.hello):
            self._require_place(place, last, new, now)
        with self._lock:
            if self._last.get(place) not in (last, None):
                raise Refused("again", "Another connection of this agent came at the same time.")
            former = self._here.get(place)
            self._here[place] = self._last[place] = new
        if former is not None:
            former.end()

    def look_again(self, now: datetime) -> None:
        """End the connections of those who came before another server took their place, or the machine was
        failed over; they are told as they dial anew."""
        for each in self.all():
            try:
                self._require_welcome(each, now)
            except Refused:
                each.end()

    def note_shut_out(self, agent_id: str, hello: Hello, address: str, now: datetime) -> None:
        """One called that is not let in, as its certificate was revoked or has ended: its machine works,
        unless it is a copy of it, or somebody else who has what it had. Of a rescue system nothing works."""
        if hello.is_rescue:
            return
        found = self.hardware(agent_id, hello.product_uuid)
        if found in ALONE:
            self._note_alone(agent_id, hello, address, now, ALONE[found])
        elif found is Hardware.OWN:
            with self._lock:
                if agent_id in self._shut_out or len(self._shut_out) < MOST_DOUBLES:
                    self._shut_out[agent_id] = time.monotonic(), hello

    def let_in(self, agent_id: str) -> None:
        """The machine enrolled anew: from now on it is what it says itself."""
        with self._lock:
            self._shut_out.pop(agent_id, None)

    def shut_out(self, agent_id: str) -> Hello | None:
        """How a machine greeted that is not let in, if it called a moment ago, and since whoever is here for
        it came: it works. It dials each minute at least."""
        with self._lock:
            called = self._shut_out.get(agent_id)
            rescue = self._here.get((agent_id, "rescue"))
            machine = self._here.get((agent_id, "machine"))
        if called is None or time.monotonic() - called[0] >= REMEMBERED_SECONDS:
            return None
        if machine is not None and self.is_own(machine):
            return None
        return called[1] if rescue is None or called[0] > rescue.began_at else None

    def leave(self, gone: Conversation) -> None:
        with self._lock:
            place = gone.peer.agent_id, gone.peer.kind
            if self._here.get(place) is gone:
                del self._here[place]

    def doubles(self) -> Sequence[Double]:
        """Those that tried within a quarter of an hour; who works although it must not, within two minutes:
        it calls all the time, until somebody obeys and switches it off."""
        with self._lock:
            at = time.monotonic()
            self._doubles = {
                who: each
                for who, each in self._doubles.items()
                if at - each[0] < (REMEMBERED_SECONDS if each[1].although else DOUBLE_SECONDS)
            }
            return [double for _, double in self._doubles.values()]

    def forget(self, agent_ids: Iterable[str]) -> None:
        """Of these nothing is remembered that would keep out a machine that enrolls anew; who works although
        it must not, works on."""
        with self._lock:
            gone = set(agent_ids)
            self._last = {place: each for place, each in self._last.items() if place[0] not in gone}
            self._doubles = {
                who: each for who, each in self._doubles.items() if who[0] not in gone or each[1].although
            }

    def is_own(self, conversation: Conversation) -> bool:
        """Whether the machine calls from its own hardware; the rescue system may call from any."""
        return self._of_hardware(conversation) is Hardware.OWN

    def _of_hardware(self, conversation: Conversation) -> Hardware:
        peer = conversation.peer
        if peer.is_guest or peer.kind != "machine":
            return Hardware.OWN
        return self.hardware(peer.agent_id, conversation.hello.product_uuid)

    def _require_welcome(self, new: Conversation, now: datetime) -> None:
        """Raises Refused for who must never have the machine's place here."""
        found = self._of_hardware(new)
        if found is Hardware.COPY:
            raise Refused(
                "copy",
                "By its hardware this machine is the copy of one that was failed over, which keeps its place "
                "here. Nothing is to be done.",
            )
        if found is Hardware.STRANGE:
            self._note_alone(new.peer.agent_id, new.hello, new.peer.address, now, ALONE[found])
            raise Refused(
                "strange",
                "This machine was failed over, and its copy keeps its place here. Switch this one off. If it "
                "is to be the machine again: cancel the failover, or bring it home by the rescue image. If "
                "its protection has ended: 'secondsite-agent install --anew' with a new key.",
            )
        if found is Hardware.LEFT_BEHIND:
            self._note_alone(new.peer.agent_id, new.hello, new.peer.address, now, ALONE[found])
            raise Refused(
                "copy",
                "By its hardware this machine is the copy of a failover that has ended. Switch it off. If it "
                "is to be a machine of its own: 'secondsite-agent install --anew' with a new key.",
            )
        if found is Hardware.REPLACED:
            self._note_alone(new.peer.agent_id, new.hello, new.peer.address, now, ALONE[found])
            raise Refused(
                "replaced",
                "Another server took this one's place, and runs with its identity. Switch this one off. If "
                "it is to be the machine again: disable its protection, and enable it again.",
            )

    def _note_alone(self, agent_id: str, hello: Hello, address: str, now: datetime, although: str) -> None:
        if hello.is_fenced:
            return
        double = Double(agent_id, "", "", hello.host_name, address, now, although)
        self._remember((agent_id, hello.boot_id, hello.product_uuid), double)

    def _require_place(self, place: Place, last: Conversation, new: Conversation, now: datetime) -> None:
        if self.is_own(last) or not self.is_own(new):
            self._require_gone(place, last, new, now)
            return
        with self._lock:
            is_here = self._here.get(place) is last
        if is_here:
            self._double(new, last, now)

    def _require_gone(self, place: Place, last: Conversation, new: Conversation, now: datetime) -> None:
        with self._lock:
            is_here = self._here.get(place) is last
        if is_here and last.is_alive(ANSWER_SECONDS):
            raise self._double(last, new, now)
        since = time.monotonic() - last.heard_at
        if since < REMEMBERED_SECONDS and not last.said_goodbye and not _started_since(last, new, since):
            raise self._double(last, new, now)

    def _double(self, served: Conversation, refused: Conversation, now: datetime) -> Refused:
        double = Double(
            served.peer.agent_id, served.hello.host_name, served.peer.address,
            refused.hello.host_name, refused.peer.address, now,
        )  # fmt: skip
        self._remember((double.agent_id, refused.hello.boot_id, refused.hello.product_uuid), double)
        return Refused(
            "double",
            f"The machine {served.hello.host_name} at {served.peer.address} has the same certificate, and is "
            "served. If this machine is its copy: remove the agent here ('secondsite-agent remove'), and "
            "enroll it with a key of its own. If it takes the other one's place: end that one first.",
        )

    def _remember(self, who: tuple[str, str, str], double: Double) -> None:
        with self._lock:
            known = self._doubles.get(who)
            if known is None and len(self._doubles) >= MOST_DOUBLES:
                self._doubles.pop(next(iter(self._doubles)))
            kept = double if known is None else replace(double, since=known[1].since)
            self._doubles[who] = time.monotonic(), kept
        if known is None:
            log.error(
                "agent.doubled",
                agent_id=double.agent_id,
                served=double.served_name,
                served_address=double.served_address,
                refused=double.refused_name,
                refused_address=double.refused_address,
            )


def _is_same(one: Hello, other: Hello) -> bool:
    return (one.boot_id, one.product_uuid) == (other.boot_id, other.product_uuid)


def _started_since(last: Conversation, new: Conversation, seconds: float) -> bool:
    """Whether it is the same machine, started again after it was last heard: no clone that ran all the
    time."""
    return last.hello.product_uuid == new.hello.product_uuid and new.hello.uptime_seconds < seconds
