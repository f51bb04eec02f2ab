"""Which appliances the vault has enrolled and with which key, as it said last: a certificate of any other, or
for another key, is refused at the data port, and where we dial one.

It is durable, so a removed appliance, and a key that was replaced, stay refused while the vault is gone.
Before a vault has said it, whoever has a certificate of its CA is taken."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping

from .state import State

KEY = "enrolled-peers"


class EnrolledPeers:
    """The appliances that the vault has enrolled. `changed` is called after a change: an open connection may
    be one of a removed appliance."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        said = state.fact(KEY)
        self._keys = _understood(said) if said else None
        self.changed: Callable[[], None] = lambda: None

    def admits(self, appliance_id: str, key_sha256: str) -> bool:
        known = self._keys
        if known is None:
            return True
        return appliance_id in known and known[appliance_id] in (None, key_sha256)

    def set(self, appliance_ids: Iterable[str], keys: Mapping[str, str]) -> None:
        """Keep the list; durable when it returns. An appliance whose key is not known may show any key."""
        known = {each: keys.get(each) for each in sorted(appliance_ids)}
        with self._lock:
            if known == self._keys:
                return
            self._state.put_fact(KEY, json.dumps(known))
            self._keys = known
        self.changed()


def _understood(said: str) -> dict[str, str | None]:
    """The keys by appliance id, from the stored text. An earlier release kept only the ids."""
    known = json.loads(said)
    return dict.fromkeys(known) if isinstance(known, list) else known
