"""The verbs that a person may start, each with the shape of its request."""

from collections.abc import Collection, Sequence
from functools import partial

from ....domain import lifecycle
from ....domain.lifecycle import Verb
from ....domain.prediction.data_sync import DataSync
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.rest import JobAccepted
from ....wire.rest.verbs import (
    DisableProtectionOptions,
    MoveReplica,
    MoveReplicaOptions,
    PlannedFailoverOptions,
    Settle,
    SettleOptions,
    UpdateNames,
)
from ...plan_runs import unsynchronized_failback
from ...store import Transaction
from ..parts import Parts
from ..shared import as_read, early_checks
from ..shared.idempotency import Once, carry_out, known
from . import machines, sites
from .preflight import synchronizations

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
    Verb.UPDATE_NAMES: UpdateNames,
    Verb.SETTLE: Settle,
    Verb.MOVE_REPLICA: MoveReplica,
}

OPTIONS: dict[Verb, type[Shape]] = {
    Verb.DISABLE_PROTECTION: DisableProtectionOptions,
    Verb.TEST_FAILOVER: rest.TestFailoverOptions,
    Verb.CLEANUP_TEST_FAILOVER: rest.CleanupTestFailoverOptions,
    Verb.FAILOVER: rest.FailoverOptions,
    Verb.PLANNED_FAILOVER: PlannedFailoverOptions,
    Verb.CHANGE_RECOVERY_POINT: rest.ChangeRecoveryPointOptions,
    Verb.COMMIT: rest.WithoutSiteOptions,
    Verb.CANCEL_FAILOVER: rest.WithoutSiteOptions,
    Verb.REPROTECT: rest.ReprotectOptions,
    Verb.RESYNCHRONIZE: rest.NoOptions,
    Verb.INCLUDE_DISK: rest.IncludeDiskOptions,
    Verb.EXCLUDE_DISK: rest.ExcludeDiskOptions,
    Verb.UPDATE_NAMES: rest.NoOptions,
    Verb.SETTLE: SettleOptions,
    Verb.MOVE_REPLICA: MoveReplicaOptions,
}
"""The options of each verb for one protected machine."""


class Verbs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def start(
        self,
        verb: Verb,
        request: Shape,
        requested_by: str,
        once: Once | None = None,
        read: as_read.Read | None = None,
    ) -> JobAccepted:
        """Start a verb: when this returns the job exists, and the machine's state has changed. `read`: what
        the caller read of the machines, in the order of the request.

        Raises Forbidden, NotFound, ChangedMeanwhile, NotPossibleNow, InvalidArgument, ... before anything is
        written.
        """
        self._parts.understood(request)
        self._parts.caller.require_verb(verb, getattr(request, "without_site", None))
        with self._parts.store.reading() as tx:
            before = known(self._parts, tx, once, JobAccepted)
            if before is not None:  # its machine may be gone meanwhile
                return before
            request = self._in_scope(tx, request)
        if isinstance(request, rest.EnableProtection):
            early_checks.refuse_unknown(self._parts, request)
        if isinstance(request, rest.TestFailover):
            early_checks.refuse_unknown_network(self._parts, request.network, self._targets(request))
        if isinstance(request, rest.PlannedFailover) and request.data_sync is DataSync.DURING:
            self._refuse_what_is_in_the_way(request)
        submit = partial(self._submit, verb, read)
        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, JobAccepted, lambda: submit(tx, request, requested_by))

    def _refuse_what_is_in_the_way(self, request: rest.PlannedFailover) -> None:
        """Raises NotPossibleNow before a machine is shut down for a data synchronization that is not
        possible."""
        with self._parts.store.reading() as tx:
            found = tx.machines.find_all(request.machines)
        for name, each in found.items():
            if Verb.REPROTECT in lifecycle.allowed_operations(each.state, each.drill_state):
                synchronizations.refuse_in_the_way(self._parts, name, [each], request.target_appliance)

    def _targets(self, request: rest.TestFailover) -> Collection[str]:
        """The sites at which the machines would be tested; an unknown machine is refused later."""
        with self._parts.store.reading() as tx:
            return {each.target_site for each in tx.machines.find_all(request.machines).values()}

    def _submit(
        self, verb: Verb, read: as_read.Read | None, tx: Transaction, request: Shape, requested_by: str
    ) -> JobAccepted:
        if read is not None:
            names: Sequence[str] = getattr(request, "machines", ())
            numbers = as_read.by_machine(names, read)
            found = tx.machines.find_all(names)
            as_read.require(tx, verb, [(each, numbers[name]) for name, each in found.items()])
        if isinstance(request, rest.PlannedFailover) and request.data_sync is not None:
            return unsynchronized_failback.submit(self._parts.deps, tx, request, requested_by)
        return self._parts.operations[verb].submit(tx, request, requested_by)

    def _in_scope(self, tx: Transaction, request: Shape) -> Shape:
        """The request with the ids of its machines, for a caller who may not see all. Raises NotFound."""
        if self._parts.sees():
            self._note_machines(tx, request)
            return request
        if isinstance(request, rest.EnableProtection):
            sites.existing(self._parts, tx, request.source_site)
            self._parts.mentions(*request.machines)
            return request
        names: Sequence[str] = getattr(request, "machines", ())
        ids = tuple(machines.existing(self._parts, tx, name).id for name in names)
        return request.model_copy(update={"machines": ids})

    def _note_machines(self, tx: Transaction, request: Shape) -> None:
        """Name the machines in the act; an unknown one is refused later."""
        if isinstance(request, rest.EnableProtection):
            self._parts.mentions(*request.machines)
            return
        for machine in tx.machines.find_all(getattr(request, "machines", ())).values():
            self._parts.names(machine)

    def start_one(
        self,
        verb: Verb,
        machine: str,
        options: Shape,
        requested_by: str,
        once: Once | None = None,
        read: as_read.Read | None = None,
    ) -> JobAccepted:
        """As `start`, for one machine. Raises as `start` does."""
        request = REQUESTS[verb].model_validate({**dict(options), "machines": (machine,)})
        return self.start(verb, request, requested_by, once, read)
