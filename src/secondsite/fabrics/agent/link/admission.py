"""Who a caller is, and what it wants: the first line of each connection."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog
from cryptography import x509

from ....ground.certificates import fingerprint
from . import words
from .authority import Authority, agent_of
from .conversation import SILENT_SECONDS, Conversation, Peer
from .enrolling import Enrolling
from .errors import Refused
from .guests import Guests
from .listener import Caller, first_line_by
from .presence import Presence
from .readers import Readers
from .records import ID, Record, Records
from .stream import Ended, Stream
from .words import Control, Enroll, Fence, Hello, Reader

log = structlog.get_logger(__name__)


class Admission:
    """Serves a caller to its end."""

    def __init__(
        self,
        records: Records,
        enrolling: Enrolling,
        readers: Readers,
        converse: Callable[[Conversation], None],
        forbids: Callable[[str, str], str | None],
        clock: Callable[[], datetime],
        guests: Guests,
        authority: Authority,
        presence: Presence,
    ) -> None:
        """`forbids`: why the machine with that agent must not work on that hardware; empty if it may, None
        while nobody knows. `presence` is told of who is not let in, and calls all the same."""
        self._presence = presence
        self._records, self._enrolling, self._readers = records, enrolling, readers
        self._guests, self._authority = guests, authority
        self._converse, self._forbids, self._clock = converse, forbids, clock
        self._lock = threading.Lock()
        self._lines: dict[Stream, Peer] = {}

    def serve(self, caller: Caller) -> None:
        """Raises Ended, and Refused once the caller was told."""
        try:
            self._serve(caller)
        except Refused as refused:
            caller.stream.send(words.refusal(refused), SILENT_SECONDS)
            raise

    def look_again(self) -> None:
        """End the connections of certificates that are not accepted any more."""
        with self._lock:
            lines = dict(self._lines)
        for stream, peer in lines.items():
            if not self._is_accepted(peer):
                stream.cut()

    def _is_accepted(self, peer: Peer) -> bool:
        record = self._records.find(peer.agent_id)
        if not peer.is_guest:
            return record is not None and record.accepts(peer.fingerprint, self._clock()) is not None
        return self._guests.expects(peer.agent_id) is not None and not _is_refused(record)

    def _serve(self, caller: Caller) -> None:
        most = words.MOST_FIRST_LINE if caller.certificate is None else words.MOST_LINE
        line = caller.stream.read_line(most, first_line_by())
        if line is None:
            raise Ended("it said nothing")
        wanted = words.read(words.FIRST, line)
        if isinstance(wanted, Fence):
            self._answer_fence(caller, wanted)
            return
        peer = None if caller.certificate is None else self._known(caller, caller.certificate, wanted)
        if isinstance(wanted, Enroll):
            self._enroll(caller, wanted, peer)
        elif peer is None:
            raise Refused("no-certificate", "Only an enrolled agent may ask that. Enroll it.")
        else:
            with self._looked_after(caller.stream, peer):
                self._serve_known(caller.stream, wanted, peer)

    def _known(self, caller: Caller, der: bytes, wanted: Control | Reader | Enroll) -> Peer:
        """Raises Refused for a certificate that was revoked."""
        certificate = x509.load_der_x509_certificate(der)
        peer = self._peer(certificate, caller.address[0])
        if peer is None:
            if isinstance(wanted, Control):
                self._note_shut_out(der, wanted.hello, caller.address[0])
            _require_valid(certificate, self._clock())
            raise Refused(
                "revoked",
                "This agent's certificate is not accepted any more. If the machine is to be protected, "
                "enroll it again with a key of 'secondsite appliance agents key --for MACHINE'.",
            )
        caller.know(peer.fingerprint)
        return peer

    def _note_shut_out(self, der: bytes, hello: Hello, address: str) -> None:
        """One with a certificate of ours that counts no more, as it was revoked or has ended."""
        agent_id = self._whose(der)
        record = self._records.find(agent_id) if ID.fullmatch(agent_id) else None
        if record is not None and not record.is_guest:
            self._presence.note_shut_out(agent_id, hello, address, self._clock())

    def _peer(self, certificate: x509.Certificate, address: str) -> Peer | None:
        agent_id, shown = agent_of(certificate), fingerprint(certificate)
        record = self._records.find(agent_id) if ID.fullmatch(agent_id) else None
        if record is None or record.is_guest:
            return None if _is_refused(record) else self._guests.peer(agent_id, certificate, address)
        accepted = record.accepts(shown, self._clock())
        if accepted is None:
            return None
        return Peer(agent_id, accepted.kind, shown, accepted.until, address)

    def _enroll(self, caller: Caller, wanted: Enroll, peer: Peer | None) -> None:
        if peer is not None:
            raise Refused("enrolled", "Who has a certificate needs no other one.")
        told = self._enrolling.enroll(wanted, caller.address[0], self._clock())
        if told["kind"] == "machine":  # not a rescue system: the machine's own may work beside it
            self._presence.let_in(told["agent_id"])
        log.info("agent.enrolled", agent_id=told["agent_id"], name=wanted.name, address=caller.address[0])
        caller.stream.send(words.told(told), SILENT_SECONDS)

    def _answer_fence(self, caller: Caller, wanted: Fence) -> None:
        """Whoever was a machine's agent is answered, also by a certificate that has ended: the machine must
        not work because it was off for long. Raises Refused."""
        agent_id = "" if caller.certificate is None else self._whose(caller.certificate)
        record = self._records.find(agent_id) if ID.fullmatch(agent_id) else None
        if record is None or record.is_guest:
            raise Refused("revoked", "No agent of this appliance asks that.")
        why = self._forbids(agent_id, wanted.hello.product_uuid)
        if why is None:
            raise Refused("not-yet", "This appliance is just starting. Ask again.")
        log.info("agent.fence-asked", agent_id=agent_id, fenced=bool(why))
        caller.stream.send(words.told({"fenced": bool(why), "why": why}), SILENT_SECONDS)

    def _whose(self, der: bytes) -> str:
        """The agent for which the certificate was made here; empty if it was made elsewhere."""
        certificate = x509.load_der_x509_certificate(der)
        return agent_of(certificate) if self._authority.has_signed(certificate) else ""

    def _serve_known(self, stream: Stream, wanted: Control | Reader, peer: Peer) -> None:
        if peer.is_guest and isinstance(wanted, Control):
            self._guests.require_here(peer, wanted.hello)
        if isinstance(wanted, Control):
            self._converse(Conversation(peer, wanted.hello, stream, self._clock()))
        else:
            self._readers.serve(peer.agent_id, wanted.token, stream)

    @contextlib.contextmanager
    def _looked_after(self, stream: Stream, peer: Peer) -> Iterator[None]:
        with self._lock:
            self._lines[stream] = peer
        try:
            yield
        finally:
            with self._lock:
                del self._lines[stream]


def _require_valid(certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise Refused(
            "expired",
            "This machine's certificate has expired, by the appliance's clock. Set that clock if it is "
            "wrong, else enroll this machine again, with a key of 'secondsite appliance agents key --for "
            "MACHINE'.",
        )


def _is_refused(record: Record | None) -> bool:
    """Whether a person revoked it here."""
    return record is not None and not record.certificates
