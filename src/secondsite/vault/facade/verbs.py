"""What a person may start: each verb with the shape of its request."""

from ...domain.lifecycle import Verb
from ...wire import rest
from ...wire.base import Shape
from ...wire.rest import JobAccepted
from . import enabling
from .parts import Parts

REQUESTS: dict[Verb, type[Shape]] = {
    Verb.ENABLE_PROTECTION: rest.EnableProtection,
    Verb.DISABLE_PROTECTION: rest.DisableProtection,
    Verb.TEST_FAILOVER: rest.TestFailover,
    Verb.CLEANUP_TEST_FAILOVER: rest.CleanupTestFailover,
    Verb.FAILOVER: rest.Failover,
    Verb.PLANNED_FAILOVER: rest.PlannedFailover,
    Verb.CHANGE_RECOVERY_POINT: rest.ChangeRecoveryPoint,
    Verb.COMMIT: rest.Commit,
    Verb.CANCEL_FAILOVER: rest.CancelFailover,
    Verb.REPROTECT: rest.Reprotect,
    Verb.RESYNCHRONIZE: rest.Resynchronize,
    Verb.INCLUDE_DISK: rest.IncludeDisk,
    Verb.EXCLUDE_DISK: rest.ExcludeDisk,
}


class Verbs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def start(self, verb: Verb, request: Shape, requested_by: str) -> JobAccepted:
        """The job exists, and the machine's state has moved, when this returns.

        Raises NotFound, NotPossibleNow, InvalidArgument, ... before anything is written.
        """
        if isinstance(request, rest.EnableProtection):
            enabling.refuse_unknown(self._parts, request)
        with self._parts.store.transaction() as tx:
            return self._parts.operations[verb].submit(tx, request, requested_by)
