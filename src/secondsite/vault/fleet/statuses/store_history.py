"""How the free space of stores changed, since this process has heard of it."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from ....domain.prediction import filling
from ....domain.prediction.filling import FreeSpace
from ....wire.common.stores import StoreSpace, believed

EVERY = timedelta(hours=1)
KEPT = timedelta(days=14)
Key = tuple[str, str]


class StoreHistory:
    """A sample an hour of each store. Filled by one thread, read by many: what is read is replaced, not
    changed. It begins anew with the process, and after the clock was set back."""

    def __init__(self) -> None:
        self._found: dict[Key, tuple[FreeSpace, ...]] = {}

    def note(self, appliance_id: str, stores: Iterable[StoreSpace], now: datetime) -> None:
        """What an appliance reports of its stores."""
        for store in stores:
            if store.free_bytes is not None:
                free = believed(store.free_bytes, store.size_bytes)
                self._note((appliance_id, store.name), FreeSpace(now, free))

    def full_at(self, appliance_id: str, store: str) -> datetime | None:
        """When the store will be full; None: not known, or never."""
        return filling.full_at(self._found.get((appliance_id, store), ()))

    def _note(self, key: Key, sample: FreeSpace) -> None:
        known = deque(self._found.get(key, ()))
        if known and sample.at < known[-1].at:
            known.clear()
        if known and sample.at < known[-1].at + EVERY:
            return
        known.append(sample)
        while known[0].at < sample.at - KEPT:
            known.popleft()
        self._found[key] = tuple(known)
