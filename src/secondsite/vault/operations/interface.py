"""The interface of an operation, for the facade."""

from typing import Protocol

from ...wire.common.base import Shape
from ...wire.rest import JobAccepted
from ..store import Transaction


class Operation(Protocol):
    """One verb. It checks the lifecycle and submits its jobs in the caller's transaction."""

    def submit(self, tx: Transaction, request: Shape, requested_by: str) -> JobAccepted:
        """Raises domain errors (NotFound, NotPossibleNow, InvalidArgument, ...) before anything is
        written."""
