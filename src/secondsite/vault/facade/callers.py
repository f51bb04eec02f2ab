"""The caller of a request, and what they may do."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...domain.access import roles
from ...domain.access.roles import EVERYTHING, Grant, Permission
from ...domain.access.sessions import IDLE_SECONDS
from ...domain.lifecycle import Verb
from ..store import SessionRecord, Store


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller. A token's name may be used again after it was deleted: `token_id` is this token's alone,
    `token_sha256` that of its secret, and `since` when the token was made. Whoever logged in is the caller
    that they logged in as; `session_id` and `session_sha256` are those of the session."""

    name: str
    token_id: str
    token_sha256: str
    grant: Grant
    address: str = ""
    since: datetime | None = None
    session_id: str = ""
    session_sha256: str = ""

    def require(self, permission: Permission, what: str) -> None:
        """Raises Forbidden unless the caller has the permission."""
        roles.require(self.grant, self.name, permission, what)

    def require_verb(self, verb: Verb, without_site: str | None) -> None:
        """Raises Forbidden unless the caller may start the verb; `without_site`: the verb goes on without
        that site."""
        self.require(roles.NEEDS[verb], f"start {verb}")
        if without_site is not None:
            self.require(Permission.GIVE_UP, f"start {verb} without site '{without_site}'")


THE_VAULT = Caller("secondsite", "", "", EVERYTHING)
"""The vault itself, and whoever works on its host."""


class Uses:
    """When tokens and sessions were last used, collected until it is written: requests themselves do not
    write it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, datetime] = {}
        self._seen: dict[str, datetime] = {}
        self._unwritten: set[str] = set()

    def note(self, token_id: str, at: datetime) -> None:
        with self._lock:
            self._last[token_id] = at

    def see(self, session_id: str, at: datetime) -> None:
        """Note a request of this session."""
        with self._lock:
            self._seen[session_id] = at
            self._unwritten.add(session_id)

    def seen(self, session: SessionRecord) -> datetime:
        """When the session was last used; other processes' last minute is not known here."""
        return max(session.seen_at, self._seen.get(session.id, session.seen_at))

    def write(self, store: Store) -> None:
        """Write the times of all tokens and sessions in one transaction, if there are any."""
        with self._lock:
            last, self._last = self._last, {}
            seen = {one: self._seen[one] for one in self._unwritten}
            self._unwritten = set()
        if not last and not seen:
            return
        with store.transaction() as tx:
            for token_id, at in sorted(last.items()):
                tx.tokens.used(token_id, at)
            for session_id, at in sorted(seen.items()):
                tx.sessions.seen(session_id, at)
        self._forget_idle()

    def _forget_idle(self) -> None:
        """What is written and older than any idle end is known from the database as well."""
        with self._lock:
            newest = max(self._seen.values(), default=None)
            idle = timedelta(seconds=IDLE_SECONDS)
            self._seen = {one: at for one, at in self._seen.items() if newest is None or newest - at < idle}
