"""Log-ins: each begins a session."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from .....domain.access import sessions
from .....domain.access.sessions import SessionKind
from .....ground.units import DAY
from .....wire import rest
from ....store import OpenSession, SessionRecord, Transaction
from ... import holders
from ...parts import Parts
from ...shared import secrets
from . import proofs
from .proofs import Proof
from .sessions import Sessions, shape_of

MOST_OF_A_PROGRAM, MOST_OF_AN_ADDRESS = 200, 64
ENDED_KEPT = timedelta(seconds=DAY)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that was just begun: its secret is nowhere else."""

    secret: str
    shown: rest.Identity


class LogIns:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def begin(self, request: rest.LogIn, former: str | None, program: str) -> Begun:
        """Log in. The session with the secret `former`, if there is one, ends: no secret of before counts
        after. Raises Unauthenticated, TooManyAttempts, InvalidArgument."""
        address = self._parts.caller.address
        self._parts.attempts.begin("", address)
        with self._parts.changing() as tx:
            tx.one_at_a_time("sessions")
            proof = self._proof(tx, request)
            begun = self._begun(tx, proof, former, program)
        self._parts.attempts.succeeded("", address)
        return begun

    def _proof(self, tx: Transaction, request: rest.LogIn) -> Proof:
        return proofs.of_token(tx, request.token, self._parts.now())

    def _begun(self, tx: Transaction, proof: Proof, former: str | None, program: str) -> Begun:
        now, secret = self._parts.now(), secrets.new_session()
        record = SessionRecord(
            id=uuid.uuid4().hex,
            secret_sha256=secrets.digest(secret),
            kind=SessionKind.BROWSER,
            way=proof.way,
            who=proof.holder.name,
            holder_id=proof.holder.id,
            holder_sha256=proof.holder_sha256,
            began_at=now,
            seen_at=now,
            ends_at=sessions.ends_at(now, holders.ends_at(proof.holder, proof.holder_sha256)),
            address=self._parts.caller.address[:MOST_OF_AN_ADDRESS],
            program=program[:MOST_OF_A_PROGRAM],
        )
        self._make_room(tx, record, former)
        tx.sessions.add(record)
        opened = OpenSession(record, proof.holder)
        caller = holders.caller_in(opened, self._parts.caller.address)
        if self._parts.act is not None:
            self._parts.act.caller = caller
        self._parts.note(after=shape_of(self._parts, record, caller))
        return Begun(secret, Sessions(self._parts).identity(caller, opened))

    def _make_room(self, tx: Transaction, record: SessionRecord, former: str | None) -> None:
        tx.sessions.forget(self._parts.deps.lived() - ENDED_KEPT)
        replaced = None if former is None else tx.sessions.find(secrets.digest(former))
        if replaced is not None:
            tx.sessions.remove(replaced.id)
        for oldest in tx.sessions.list(record.holder_id)[: 1 - sessions.MOST_OF_ONE or None]:
            tx.sessions.remove(oldest.id)
