"""The addresses of the vault's processes, as the vault sent them last, and which of them is dialled next.

It is durable, so a process that is gone for ever, with the address that this appliance enrolled at, can be
done without."""

import json
import random
import threading
from collections.abc import Callable, Iterable, Sequence

from .state import State

KEY = "vaults"


class KnownVaults:
    """The addresses to dial. `enrolled_at` is always tried too: all others may have moved. `became_several`
    is called when there is more than one to turn to from now on."""

    def __init__(self, state: State, enrolled_at: str | None) -> None:
        self._state = state
        self._enrolled_at = enrolled_at
        self._lock = threading.Lock()
        self._said: tuple[str, ...] = tuple(json.loads(state.fact(KEY) or "[]"))
        self._dialled = random.choice(self._all() or ("",))
        self.became_several: Callable[[], None] = lambda: None

    def set(self, urls: Iterable[str]) -> None:
        """Keep the addresses; durable when it returns. An empty list changes nothing."""
        said = tuple(sorted({url for url in urls if url.startswith("wss://")}))
        with self._lock:
            if not said or said == self._said:
                return
            was_one = self.count == 1
            self._state.put_fact(KEY, json.dumps(said))
            self._said = said
        if was_one and self.count > 1:
            self.became_several()

    @property
    def count(self) -> int:
        return len(self._all())

    @property
    def dialled(self) -> str:
        return self._dialled

    def turn(self) -> None:
        """Dial the next address from now on, because this one is gone or refuses."""
        known = self._all()
        if not known:
            return
        at = known.index(self._dialled) if self._dialled in known else -1
        self._dialled = known[(at + 1) % len(known)]

    def _all(self) -> Sequence[str]:
        is_said = self._enrolled_at is None or self._enrolled_at in self._said
        return self._said if is_said else (*self._said, str(self._enrolled_at))
