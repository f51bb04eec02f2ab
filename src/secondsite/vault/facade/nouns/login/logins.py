"""Log-ins: each begins a session."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.sessions import SessionKind
from .....ground.units import DAY
from .....wire import rest
from ....store import PEOPLE_LOCK, OpenSession, PersonRecord, SessionRecord, Transaction
from ... import holders
from ...attempts import Attempt
from ...parts import Parts
from ...shared import passwords, secrets
from ..tokens import NAME
from . import proofs
from .proofs import Factor, Proof
from .sessions import Sessions, shape_of

MOST_OF_A_PROGRAM, MOST_OF_AN_ADDRESS = 200, 64
ENDED_KEPT = timedelta(seconds=DAY)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that was just begun: its secret is nowhere else."""

    secret: str
    kind: SessionKind
    shown: rest.Identity


class LogIns:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def begin(self, request: rest.LogIn, former: str | None, program: str, host: str = "") -> Begun:
        """Log in, by a browser that reached the vault as `host`. The session with the secret `former`, if
        there is one, ends: no secret of before counts after. Raises Unauthenticated, SecondFactorNeeded,
        TooManyAttempts, InvalidArgument."""
        _require_one_way(request)
        known = self._known(request)
        attempts = [self._attempt(request, known)]
        self._parts.attempts.begin(attempts[0])
        try:
            self._require_password(request, known)
            if known is not None and (request.code is not None or request.key_answer is not None):
                attempts.append(self._attempt_of_a_code(attempts[0], known))
            with self._parts.changing() as tx:
                tx.one_at_a_time(PEOPLE_LOCK)
                proof = self._proof(tx, request, known, host)
                begun = self.begin_with(tx, proof, former, program, request.kind)
        except errors.Unauthenticated:
            self._note_failure(known)
            raise
        except errors.SecondFactorNeeded:
            self._parts.attempts.succeeded(attempts[0])  # the password was right, or the link
            if request.code is not None:
                self._note_failure(known)
            raise
        for each in attempts:
            self._parts.attempts.succeeded(each)
        return begun

    def known_by(self, request: rest.LogIn) -> PersonRecord:
        """The person of this name and password, or of this link: a second factor may be asked for now. Raises
        Unauthenticated, TooManyAttempts."""
        _require_one_way(request)
        known = self._known(request)
        attempt = self._attempt(request, known)
        self._parts.attempts.begin(attempt)
        try:
            self._require_password(request, known)
            if known is None or known.disabled_at is not None:
                raise proofs.wrong()
        except errors.Unauthenticated:
            self._note_failure(known)
            raise
        self._parts.attempts.succeeded(attempt)
        return known

    def _known(self, request: rest.LogIn) -> PersonRecord | None:
        """The person with the name, or whose link it is, if there is one."""
        name, link = request.name or "", request.link or ""
        with self._parts.store.reading() as tx:
            if secrets.is_link(link):
                return tx.people.of_link(secrets.digest(link))
            return tx.people.named(name) if NAME.fullmatch(name) else None

    def _attempt_of_a_code(self, first: Attempt, known: PersonRecord) -> Attempt:
        """An attempt of this person's, counted: whoever knows neither password nor link uses up no guess at a
        code. Raises TooManyAttempts; the first attempt was right all the same, and counts no more."""
        attempt = Attempt(known.name, first.address, known.last_address, has_code=True)
        try:
            self._parts.attempts.begin(attempt)
        except errors.TooManyAttempts:
            self._parts.attempts.succeeded(first)
            raise
        return attempt

    def _attempt(self, request: rest.LogIn, known: PersonRecord | None) -> Attempt:
        came_from = "" if known is None else known.last_address
        return Attempt(request.name or "", self._parts.caller.address, came_from)

    def _require_password(self, request: rest.LogIn, known: PersonRecord | None) -> None:
        """Raises Unauthenticated for a wrong password. An unknown name takes as long."""
        if request.password is None:
            return
        kept = None if known is None or known.disabled_at is not None else known.password_hash
        if not passwords.fits(kept, request.password):
            raise proofs.wrong()

    def _note_failure(self, known: PersonRecord | None) -> None:
        """Count the failure for the audit log, by the names that there are: others may be passwords."""
        if known is not None:
            self._parts.refusals.note_log_in(known.name, self._parts.caller.address)

    def _proof(self, tx: Transaction, request: rest.LogIn, known: PersonRecord | None, host: str) -> Proof:
        now, factor = self._parts.now(), Factor(request.code, request.key_answer, host)
        if request.token is not None:
            return proofs.of_token(tx, request.token, now)
        if request.link is not None:
            return proofs.of_link(tx, request.link, factor, now)
        if known is None:
            raise proofs.wrong()
        return proofs.of_person(tx, known, factor, now)

    def begin_with(
        self,
        tx: Transaction,
        proof: Proof,
        former: str | None,
        program: str,
        kind: SessionKind = SessionKind.BROWSER,
        last: datetime | None = None,
    ) -> Begun:
        """A new session of whoever has shown this; with `last` it ends then at the latest, as the one did
        that it replaces."""
        now, secret = self._parts.now(), secrets.new_session()
        ends = sessions.ends_at(now, holders.ends_at(proof.holder, proof.holder_sha256), proof.way)
        record = SessionRecord(
            id=uuid.uuid4().hex,
            secret_sha256=secrets.digest(secret),
            kind=kind,
            way=proof.way,
            who=proof.holder.name,
            holder_id=proof.holder.id,
            holder_sha256=proof.holder_sha256,
            began_at=now,
            seen_at=now,
            ends_at=ends if last is None else min(ends, last),
            address=self._parts.caller.address[:MOST_OF_AN_ADDRESS],
            program=program[:MOST_OF_A_PROGRAM],
        )
        self._make_room(tx, record, former)
        tx.sessions.add(record)
        if isinstance(proof.holder, PersonRecord):
            tx.people.put(replace(proof.holder, last_login_at=now, last_address=record.address))
        opened = OpenSession(record, proof.holder, tx.people.need_second_factor())
        caller = holders.caller_in(opened, self._parts.caller.address)
        if self._parts.act is not None:
            self._parts.act.caller = caller
        self._parts.note(after=shape_of(self._parts, record, caller))
        return Begun(secret, kind, Sessions(self._parts).identity(caller, opened))

    def _make_room(self, tx: Transaction, record: SessionRecord, former: str | None) -> None:
        tx.sessions.forget(self._parts.deps.lived() - ENDED_KEPT)
        replaced = None if former is None else tx.sessions.find(secrets.digest(former))
        if replaced is not None:
            tx.sessions.remove(replaced.id)
        for oldest in tx.sessions.list(record.holder_id)[: 1 - sessions.MOST_OF_ONE or None]:
            tx.sessions.remove(oldest.id)


def _require_one_way(request: rest.LogIn) -> None:
    """Raises InvalidArgument unless the request shows exactly one thing."""
    by_name = request.name is not None and request.password is not None
    ways = [request.token is not None, request.link is not None, by_name]
    if sum(ways) != 1 or (request.name is not None and not by_name):
        raise errors.InvalidArgument(
            "A log-in shows an access token, or a name with its password, or a link.", do="Give one of them."
        )
