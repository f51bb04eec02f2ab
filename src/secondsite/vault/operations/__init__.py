"""One file per verb: its job from top to bottom. `operations` gives all verbs, `definitions` the definitions
of their jobs."""

from collections.abc import Mapping, Sequence

from ...domain.lifecycle import Verb
from ...jobs.model.definitions import Definition
from ..steps import batch
from ..steps.absent_site import finish_later, stop_source_later
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..steps.points import boot_point, fetch_files, restore_copy, verify_point
from ..steps.sides import forced_start
from . import drain_host
from .cancel_failover import CancelFailover
from .change_recovery_point import ChangeRecoveryPoint
from .cleanup_test_failover import CleanupTestFailover
from .commit import Commit
from .disable_protection import DisableProtection
from .enable_protection import EnableProtection
from .exclude_disk import ExcludeDisk
from .failover import Failover
from .follow_migration import FollowMigration
from .include_disk import IncludeDisk
from .interface import Operation
from .move_replica import MoveReplica
from .planned_failover import PlannedFailover
from .reprotect import Reprotect
from .resynchronize import Resynchronize
from .settle import Settle
from .test_failover import TestFailover
from .update_names import UpdateNames

OPERATIONS = (
    EnableProtection,
    DisableProtection,
    TestFailover,
    CleanupTestFailover,
    Failover,
    PlannedFailover,
    ChangeRecoveryPoint,
    Commit,
    CancelFailover,
    Reprotect,
    Resynchronize,
    UpdateNames,
    IncludeDisk,
    ExcludeDisk,
    Settle,
    MoveReplica,
)


def operations(deps: Deps) -> Mapping[Verb, Operation]:
    """Every verb, ready to be submitted."""
    return {each.verb: each(deps) for each in OPERATIONS}


def definitions(deps: Deps) -> Sequence[Definition]:
    """Every kind of job that the engine has to know."""
    verbs = [_definition(each(deps)) for each in OPERATIONS]
    later = stop_source_later.definition(deps), finish_later.definition(deps)
    points = (
        verify_point.definition(deps),
        boot_point.definition(deps),
        restore_copy.definition(deps),
        fetch_files.definition(deps),
    )
    hosts = FollowMigration(deps).definition(), drain_host.definition()
    return [*verbs, batch.definition(), *later, *points, forced_start.definition(deps), *hosts]


def _definition(operation: EnableProtection | MachineOperation) -> Definition:
    """The definition of a verb's job, with hooks; protecting a machine has none yet."""
    return operation.with_hooks() if isinstance(operation, MachineOperation) else operation.definition()
