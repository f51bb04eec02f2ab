"""All agents of this appliance: who is known and who is here, what they are asked, readers of their disks."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from ....domain.errors import FabricError, NotFound
from ....ground.connection_limits import ask_for
from ....ground.periodic import Every
from ...calling import ExpectedAgent
from . import words
from .admission import Admission
from .authority import Authority
from .conversation import PING_SECONDS, SILENT_SECONDS, Conversation, Peer
from .enrolling import Enrolling
from .errors import AgentAway
from .guests import Guests
from .listener import Listener
from .other_disks import OtherDisks
from .presence import ANSWER_SECONDS, Double, Hardware, Presence
from .readers import Readers
from .records import Heard, Kind, Record
from .registry import KEY_HOURS, Registry
from .tending import Tending, heard_of
from .upgrading import Upgrading
from .words import Hello

LOOK_SECONDS: Final = 1.0
DESCRIPTORS: Final = 4096

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """`heard_at` is None if it was never heard; `hello` is what it told of its machine when it came last.
    `rescue`: it is the rescue system that is here. `beside` is what its own system told, if that runs at the
    same time, on another server. `said_goodbye`: it was told to end when it left, as at a
    shutdown of its machine, and its connection was not only cut."""

    agent_id: str
    name: str
    enrolled_at: datetime
    connected: bool
    heard_at: datetime | None
    hello: Mapping[str, Any]
    rescue: bool
    revoked: bool
    is_guest: bool = False
    valid_since: datetime | None = None
    """Certificates of its machine that end before were revoked."""
    authority: str = ""
    """The certificate (PEM) that signed its own; empty for a guest."""
    said_goodbye: bool = False
    beside: Mapping[str, Any] | None = None
    is_shut_out: bool = False
    """It is not let in, as its certificate was revoked or has ended, and called a moment ago all the same:
    its machine works."""


class Agents:
    """Listens from `start` to `close`. Thread-safe."""

    def __init__(self, folder: Path, listen: tuple[str, int]) -> None:
        """Raises FabricError if the address is taken, OSError."""
        self._guests = Guests()
        self._forbids: Callable[[str, str], str | None] = lambda _agent_id, _product: None
        self._registry = Registry(folder)
        self._presence = Presence()
        self._tending = Tending(self._registry, self._presence.is_own)
        self._readers = Readers(folder / "sockets", self._presence.of)
        self._upgrading = Upgrading(self._registry.upgrades, self._presence.of)
        enrolling = Enrolling(
            self._registry.authority, self._registry.keys, self._registry.records, self._is_rescued
        )
        self._admission = Admission(
            self._registry.records, enrolling, self._readers, self._converse,
            self._why_not, self._registry.clock, self._guests,
            self._registry.authority, self._presence,
        )  # fmt: skip
        self._context = self._registry.authority.context()
        self._listener = _listening(listen, lambda: self._context, self._admission)
        self._looking = Every("agents", LOOK_SECONDS, self._look, _tell_failure)

    @property
    def port(self) -> int:
        return self._listener.port

    def start(self) -> None:
        ask_for(DESCRIPTORS)
        self._looking.start()
        self._listener.start()

    def close(self) -> None:
        """Every connection ends; agents dial again for as long as it takes."""
        self._looking.stop()
        self._upgrading.stop()
        self._listener.stop()

    @property
    def authority(self) -> Authority:
        return self._registry.authority

    def expect(self, expected: Sequence[ExpectedAgent]) -> None:
        """Let these agents of other appliances in, and no others; of those nothing stays."""
        if not self._guests.expect(expected):
            return
        self._context = self._registry.authority.context(self._guests.authorities)
        self._admission.look_again()
        for record in self._registry.records.all():
            if record.is_guest and self._guests.expects(record.agent_id) is None:
                self._registry.records.forget(record.agent_id)
                self._presence.forget([record.agent_id])

    def known(self) -> Sequence[KnownAgent]:
        """By name."""
        return [self._known(record) for record in self._registry.records.all()]

    def find(self, agent_id: str) -> KnownAgent | None:
        """One of them; None for an agent that is not known, or whose file cannot be read."""
        with contextlib.suppress(FabricError, NotFound):
            record = self._registry.records.find(agent_id)
            return None if record is None else self._known(record)
        return None

    def ask(self, agent_id: str, do: str, seconds: float, /, **words: Any) -> Mapping[str, Any]:
        """What the agent tells; the answer is awaited for that long. Raises AgentAway, AgentRefused."""
        told = self._conversation(agent_id).ask(do, seconds, words)
        return told if told is not None else {}

    def readers(self, agent_id: str) -> AbstractContextManager[Path]:
        """A unix socket whose connections reach the agent's NBD server, for as long as the context lasts.
        Raises AgentAway, OSError."""
        self._conversation(agent_id)
        return self._readers.open(agent_id)

    def answer_fences(self, forbids: Callable[[str, str], str | None]) -> None:
        """From now on machines are told at their boot whether they may work; `forbids` says why not, of an
        agent's machine on the hardware with that UUID, is empty if it may, and None if nobody knows."""
        self._forbids = forbids

    def tell_apart(self, hardware: Callable[[str, str], Hardware]) -> None:
        """From now on machines with one identity are told apart; `hardware` says whose that with a UUID is,
        for an agent's machine."""
        self._presence.hardware = hardware

    def other_disks(self, agent_id: str) -> OtherDisks | None:
        """What was decided of a machine that comes home to other disks than its own; None: to its own.
        Raises FabricError."""
        return self._registry.other_disks.find(agent_id)

    def forget_other_disks(self, agent_id: str) -> None:
        self._registry.other_disks.forget(agent_id)

    def expect_home(self, agent_id: str) -> None:
        """Let the machine in once more by the certificate that its disks have, also if that has ended or has
        a successor, and renew it: nobody renews it while its copy runs at the other site, which may have
        begun at an old point. Raises FabricError, OSError."""
        self._registry.expect_home(agent_id)

    def new_key(self, hours: float = KEY_HOURS, agent_id: str | None = None, kind: Kind = "machine") -> str:
        """A registration key, valid once and for so many hours: for a new agent, or for one that is known.
        Raises NotFound, InvalidArgument."""
        return self._registry.new_key(hours, agent_id, kind)

    def revoke(self, agent_id: str) -> None:
        """Its connections end, and it does not come in again without a new key. Raises NotFound."""
        self._registry.revoke(agent_id)
        self._look()

    def doubles(self) -> Sequence[Double]:
        """Machines that came with the certificate of another one, which is served."""
        return self._presence.doubles()

    def _conversation(self, agent_id: str) -> Conversation:
        found = self._presence.of(agent_id)
        if found is None:
            record = self._registry.records.find(agent_id)
            name = record.name if record is not None else agent_id
            raise AgentAway(f"The agent of {name} is not connected.")
        return found

    def _is_rescued(self, agent_id: str) -> bool:
        here = self._presence.of(agent_id)
        return here is not None and here.peer.kind == "rescue" and here.is_alive(ANSWER_SECONDS)

    def _known(self, record: Record) -> KnownAgent:
        here = self._presence.of(record.agent_id)
        shut_out = _working(self._presence.shut_out(record.agent_id))
        if here is not None:
            heard: Heard | None = heard_of(here, self._registry.clock())
        else:
            heard = self._tending.last_heard(record.agent_id)
        return KnownAgent(
            record.agent_id, record.name, record.enrolled_at, here is not None,
            None if heard is None else heard.at, {} if heard is None else heard.hello,
            here is not None and here.peer.kind == "rescue", not record.certificates, record.is_guest,
            record.valid_since, "" if record.is_guest else self.authority.pem,
            here is None and self._presence.said_goodbye(record.agent_id),
            self._beside(record.agent_id) or (None if here is None else shut_out), shut_out is not None,
        )  # fmt: skip

    def _beside(self, agent_id: str) -> Mapping[str, Any] | None:
        own = self._presence.beside(agent_id)
        return None if own is None else heard_of(own, self._registry.clock()).hello

    def _why_not(self, agent_id: str, product: str) -> str | None:
        return self._forbids(agent_id, product)

    # -- one conversation -----------------------------------------------------------------------------------

    def _converse(self, conversation: Conversation) -> None:
        """Serves it to its end. Raises Refused, Ended."""
        peer, name = conversation.peer, conversation.hello.host_name
        self._presence.enter(conversation, self._registry.clock())
        told = {
            "agent_id": peer.agent_id, "ping_seconds": PING_SECONDS, "silent_seconds": SILENT_SECONDS,
            "clock": self._registry.clock().timestamp(),
        }  # fmt: skip
        try:
            note = self._registry.note_guest if peer.is_guest else self._registry.note_shown
            note(peer.agent_id, peer.fingerprint, name)
            conversation.stream.send(words.told(told), SILENT_SECONDS)
            log.info("agent.connected", agent_id=peer.agent_id, name=name, address=peer.address)
            self._tending.note(conversation)
            self._forget_unexpected(peer)
            conversation.serve(self._tending.rounds(conversation))
        finally:
            conversation.end()
            self._presence.leave(conversation)
            self._tending.note(conversation)
            self._forget_unexpected(peer)
            log.info("agent.left", agent_id=peer.agent_id, name=name, address=peer.address)

    def _forget_unexpected(self, peer: Peer) -> None:
        """A guest that was let go of while it was being noted: of those nothing stays."""
        if peer.is_guest and self._guests.expects(peer.agent_id) is None:
            self._registry.records.forget(peer.agent_id)

    def _look(self) -> None:
        self._admission.look_again()
        self._readers.look()
        self._upgrading.look()
        revoked = [record.agent_id for record in self._registry.records.all() if not record.certificates]
        self._presence.forget(revoked)
        self._presence.look_again(self._registry.clock())


def _working(hello: Hello | None) -> Mapping[str, Any] | None:
    """How the machine greeted, unless its fence keeps it from working, it stands still after its last view,
    or it is a rescue system."""
    if hello is None or hello.is_fenced or hello.is_stopped or hello.is_rescue:
        return None
    return hello.model_dump(mode="json")


def _listening(
    listen: tuple[str, int], context: Callable[[], ssl.SSLContext], admission: Admission
) -> Listener:
    try:
        return Listener(listen, context, admission.serve)
    except OSError as problem:
        raise FabricError(
            f"The port for agents {listen[0]}:{listen[1]} cannot be opened: {problem}.",
            do="Choose another port, or stop the program that uses it.",
        ) from problem


def _tell_failure(problem: Exception) -> None:
    log.error("agents.look-failed", problem=str(problem))
