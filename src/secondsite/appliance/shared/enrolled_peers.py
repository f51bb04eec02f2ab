"""Which appliances the vault has enrolled, as it said last: a certificate of any other is refused at the data port.

It is durable, so a removed appliance stays refused while the vault is gone. Before a vault has said it, whoever has a certificate
of its CA is taken."""

import json
import threading
from collections.abc import Callable, Iterable

from .state import State

KEY = "enrolled-peers"


class EnrolledPeers:
    """`changed` is called after a change: connections that are open may be those of a removed one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        said = state.fact(KEY)
        self._ids: frozenset[str] | None = frozenset(json.loads(said)) if said else None
        self.changed: Callable[[], None] = lambda: None

    def admits(self, appliance_id: str) -> bool:
        return self._ids is None or appliance_id in self._ids

    def set(self, appliance_ids: Iterable[str]) -> None:
        """Durable when it returns."""
        ids = frozenset(appliance_ids)
        with self._lock:
            if ids == self._ids:
                return
            self._state.put_fact(KEY, json.dumps(sorted(ids)))
            self._ids = ids
        self.changed()
