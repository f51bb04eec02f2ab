"""How far lived time is (ground/lived_time.py)."""

from datetime import datetime
from typing import Protocol


class LivedTime(Protocol):
    def find(self) -> datetime | None:
        """Whoever has found it is the only one that puts it, until the transaction ends."""

    def put(self, at: datetime) -> None: ...
