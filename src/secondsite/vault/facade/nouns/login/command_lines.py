"""A command line shows a short code, and logs in once somebody who is logged in approves it."""

import secrets as random
from dataclasses import replace
from datetime import datetime, timedelta

from .....domain import errors
from .....domain.access.sessions import CHOOSES_PASSWORD, LogInWay, SessionKind
from .....ground.units import MINUTE
from .....wire import rest
from ....store import PEOPLE_LOCK, LoginRequestRecord, Transaction
from ... import holders
from ...attempts import Attempt
from ...parts import Parts
from ...shared import secrets
from .logins import MOST_OF_A_PROGRAM, MOST_OF_AN_ADDRESS, Begun, LogIns
from .proofs import Proof

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters that make no words and are not mistaken for digits."""
LASTS, POLL_SECONDS = timedelta(seconds=10 * MINUTE), 2.0
MOST_WAITING, MOST_OF_ONE_ADDRESS = 100, 5
LOCK = "logins"
GONE = "Ask anew: 'secondsite login'."


class CommandLines:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def ask(self, request: rest.LoginRequest) -> rest.LoginAsked:
        """A code to show, and the secret by which the command line asks what became of it. Raises
        TooManyAttempts."""
        caller, now, secret = self._parts.caller, self._parts.now(), secrets.new_poll()
        attempt = Attempt("", caller.address)
        self._parts.attempts.begin(attempt)
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            _make_room(tx, caller.address, now)
            record = LoginRequestRecord(
                code=_new_code(tx),
                poll_sha256=secrets.digest(secret),
                program=request.program[:MOST_OF_A_PROGRAM],
                address=caller.address[:MOST_OF_AN_ADDRESS],
                asked_at=now,
                until=now + LASTS,
            )
            tx.login_requests.add(record)
        return rest.LoginAsked(code=record.code, secret=secret, until=record.until, poll_seconds=POLL_SECONDS)

    def show(self, code: str) -> rest.PendingLogin:
        """What waits under this code. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _shape(self._waiting(tx, code))

    def approve(self, code: str) -> rest.PendingLogin:
        """Let the command line in as the caller. Raises NotFound, Forbidden for a command line, and for
        whoever came by a link."""
        with self._parts.changing() as tx:
            tx.one_at_a_time(LOCK)
            record = self._waiting(tx, code)
            way, last = self._way(tx)
            holder_sha256 = self._parts.caller.token_sha256
            tx.login_requests.put(replace(record, holder_sha256=holder_sha256, way=way, last=last))
            self._parts.note(after=_shape(record))
            return _shape(record)

    def refuse(self, code: str) -> rest.PendingLogin:
        """Do not let it in. Raises NotFound."""
        with self._parts.changing() as tx:
            tx.one_at_a_time(LOCK)
            record = self._waiting(tx, code)
            tx.login_requests.put(replace(record, refused=True))
            self._parts.note(after=_shape(record))
            return _shape(record)

    def poll(self, secret: str) -> Begun | None:
        """The session once it is approved, which is told once; None while it waits. Raises Unauthenticated
        once it was refused, or its time is over."""
        with self._parts.store.reading() as tx:
            if self._polled(tx, secret).holder_sha256 is None:
                return None
        with self._parts.changing() as tx:
            tx.one_at_a_time(PEOPLE_LOCK)
            record = self._polled(tx, secret)
            tx.login_requests.remove(record.code)
            return self._begun(tx, record, record.holder_sha256 or "")

    def _polled(self, tx: Transaction, secret: str) -> LoginRequestRecord:
        found = tx.login_requests.of_poll(secrets.digest(secret))
        if found is None or found.refused or found.until <= self._parts.now():
            raise errors.Unauthenticated("This log-in was refused, or its time is over.", do=GONE)
        return found

    def _begun(self, tx: Transaction, record: LoginRequestRecord, holder_sha256: str) -> Begun:
        holder = tx.holders.find(holder_sha256)
        if holder is None or not holders.opens(holder, holder_sha256, self._parts.now()):
            raise errors.Unauthenticated("Who approved this was changed meanwhile.", do=GONE)
        proof = Proof(record.way or LogInWay.TOKEN, holder, holder_sha256)
        kind = SessionKind.COMMAND_LINE
        return LogIns(self._parts).begin_with(tx, proof, None, record.program, kind, record.last)

    def _way(self, tx: Transaction) -> tuple[LogInWay, datetime | None]:
        """How the caller came in: a command line that they let in came as well by that, and ends with what a
        provider said of them, which it is not asked again. Raises Forbidden."""
        caller = self._parts.caller
        if not caller.session_id:
            return LogInWay.TOKEN, None
        mine = tx.sessions.find(caller.session_sha256)
        if mine is None or mine.kind is SessionKind.COMMAND_LINE or mine.way in CHOOSES_PASSWORD:
            raise errors.Forbidden(
                "A command line lets in no other one, nor does whoever came in by a link.",
                do="Log in without a link in a browser, and approve it there.",
            )
        return mine.way, mine.ends_at if mine.way is LogInWay.PROVIDER else None

    def _waiting(self, tx: Transaction, code: str) -> LoginRequestRecord:
        found = tx.login_requests.find(_written(code))
        done = found is None or found.refused or found.holder_sha256 is not None
        if found is None or done or found.until <= self._parts.now():
            raise errors.NotFound(f"No command line waits under the code '{code}'.", do=GONE)
        return found


def _written(code: str) -> str:
    """The code as it is kept, however it was typed."""
    letters = [letter for letter in code.upper() if letter in LETTERS]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


def _new_code(tx: Transaction) -> str:
    while True:
        code = _written("".join(random.choice(LETTERS) for _ in range(8)))
        if tx.login_requests.find(code) is None:
            return code


def _make_room(tx: Transaction, address: str, now: datetime) -> None:
    """Forget what is over, and the oldest of an address that asks too often. Raises TooManyAttempts."""
    there = tx.login_requests.list()
    over = [each for each in there if each.until <= now]
    theirs = [each for each in there if each.until > now and each.address == address]
    for each in (*over, *theirs[: 1 - MOST_OF_ONE_ADDRESS or None]):
        tx.login_requests.remove(each.code)
    if len(there) - len(over) >= MOST_WAITING:
        raise errors.TooManyAttempts(
            "Too many command lines wait for somebody to approve them.",
            do="Wait some minutes, or log in with a name: 'secondsite login --name NAME'.",
        )


def _shape(record: LoginRequestRecord) -> rest.PendingLogin:
    return rest.PendingLogin(
        code=record.code,
        program=record.program,
        address=record.address,
        asked_at=record.asked_at,
        until=record.until,
    )
