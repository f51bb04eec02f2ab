"""What the check of the whole configuration found last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ....wire.rest.validation import Flaw


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """The last check. `machines`: how many were asked about at their sites, `not_asked` how many were not."""

    checked_at: datetime
    machines: int
    not_asked: int = 0
    flaws: tuple[Flaw, ...] = ()


class Validations(Protocol):
    def put(self, record: ValidationRecord) -> None: ...
    def last(self) -> ValidationRecord | None: ...
