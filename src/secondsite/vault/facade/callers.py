"""Who asks, and what they may."""

import threading
from dataclasses import dataclass
from datetime import datetime

from ...domain.access import roles
from ...domain.access.roles import EVERYTHING, Grant, Permission
from ...domain.lifecycle import Verb
from ..store import Store


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Names may be given again after a token was deleted: `token_id` is this token's alone,
    `token_sha256` this secret's, and `since` when it was made."""

    name: str
    token_id: str
    token_sha256: str
    grant: Grant
    address: str = ""
    since: datetime | None = None

    def require(self, permission: Permission, what: str) -> None:
        """Raises Forbidden."""
        roles.require(self.grant, self.name, permission, what)

    def require_verb(self, verb: Verb, without_site: str | None) -> None:
        """Raises Forbidden. `without_site`: the verb goes on without it."""
        self.require(roles.NEEDS[verb], f"start {verb}")
        if without_site is not None:
            self.require(Permission.GIVE_UP, f"start {verb} without site '{without_site}'")


THE_VAULT = Caller("secondsite", "", "", EVERYTHING)
"""The vault itself, and whoever works on its host."""


class Uses:
    """When tokens were last used, until it is written: never by the request itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, datetime] = {}

    def note(self, token_id: str, at: datetime) -> None:
        with self._lock:
            self._last[token_id] = at

    def write(self, store: Store) -> None:
        """One transaction for all of them, if there were any."""
        with self._lock:
            last, self._last = self._last, {}
        if last:
            with store.transaction() as tx:
                for token_id, at in sorted(last.items()):
                    tx.tokens.used(token_id, at)
