"""The caller of a request, and what they may do."""

import threading
from dataclasses import dataclass
from datetime import datetime

from ...domain.access import roles
from ...domain.access.roles import EVERYTHING, Grant, Permission
from ...domain.lifecycle import Verb
from ..store import Store


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller. A token's name may be used again after it was deleted: `token_id` is this token's alone,
    `token_sha256` that of its secret, and `since` when the token was made."""

    name: str
    token_id: str
    token_sha256: str
    grant: Grant
    address: str = ""
    since: datetime | None = None

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
    """When tokens were last used, collected until it is written: requests themselves do not write it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, datetime] = {}

    def note(self, token_id: str, at: datetime) -> None:
        with self._lock:
            self._last[token_id] = at

    def write(self, store: Store) -> None:
        """Write the times of all tokens in one transaction, if there are any."""
        with self._lock:
            last, self._last = self._last, {}
        if last:
            with store.transaction() as tx:
                for token_id, at in sorted(last.items()):
                    tx.tokens.used(token_id, at)
