"""The shapes of the REST API, shared by the vault's face and by its clients. The API lives under /api.

Its rooms:

    errors, pages, codes                           what all nouns share
    vault, access, policies, groups, jobs, points  per noun
    places                                         sites, appliances, network mappings
    machines                                       with their parts in replication and failovers
    replication, failovers                         parts of a machine
    events                                        what happens, as it happens
    inventories                                    what sites have
    verbs                                          what a person may start
"""

from ...ground.job_states import JobState, TaskState
from .access.audit import AuditCheck, AuditEntry, AuditPage, AuditQuery, AuditSettings
from .access.tokens import NewToken, Token, TokenCreate, TokenRotate
from .errors import ErrorBody
from .events import Event, EventKind
from .failovers import Drill, DrillNote, FailedOver, OpenDrill, StartAnyway, StartedFrom
from .groups import Group, GroupCreate, GroupPage
from .inventories import Seen, SiteInventory, SiteMachines, SiteNetworks
from .jobs import (
    Job,
    JobAccepted,
    JobPage,
    JobQuery,
    JobVerb,
    OtherWork,
    Task,
    TaskFacts,
)
from .machines import (
    Direction,
    Disk,
    Encryption,
    Finding,
    Machine,
    MachinePage,
    MachineQuery,
    Points,
    RefusedOperation,
)
from .pages import MOST_PER_PAGE, Page, Paging
from .places import (
    Appliance,
    EnrollAnswer,
    EnrollRequest,
    NetworkMapping,
    NetworkMappings,
    RegistrationKey,
    ReplacementKeyCreate,
    Site,
    SiteCreate,
    SitePage,
)
from .points import PointHold, PointPage, PointQuery, RecoveryPreview
from .policies import Policy, PolicyCreate, PolicyPage
from .replication import Journal, LastCycle, Replication, Rpo, RpoSample, Synchronization
from .vault import DatabaseKind, DrillTransition, Lifecycle, Liveness, Transition, Vault
from .verbs import (
    CancelFailover,
    ChangeRecoveryPoint,
    ChangeRecoveryPointOptions,
    CleanupTestFailover,
    CleanupTestFailoverOptions,
    Commit,
    DisableProtection,
    EnableProtection,
    ExcludeDisk,
    ExcludeDiskOptions,
    Failover,
    FailoverOptions,
    IncludeDisk,
    IncludeDiskOptions,
    Location,
    MachinesRequest,
    NoOptions,
    PlannedFailover,
    PointOptions,
    Reprotect,
    ReprotectOptions,
    Resynchronize,
    TestFailover,
    TestFailoverOptions,
    WithoutSiteOptions,
)

__all__ = [
    "MOST_PER_PAGE",
    "Appliance",
    "AuditCheck",
    "AuditEntry",
    "AuditPage",
    "AuditQuery",
    "AuditSettings",
    "CancelFailover",
    "ChangeRecoveryPoint",
    "ChangeRecoveryPointOptions",
    "CleanupTestFailover",
    "CleanupTestFailoverOptions",
    "Commit",
    "DatabaseKind",
    "Direction",
    "DisableProtection",
    "Disk",
    "Drill",
    "DrillNote",
    "DrillTransition",
    "EnableProtection",
    "Encryption",
    "EnrollAnswer",
    "EnrollRequest",
    "ErrorBody",
    "Event",
    "EventKind",
    "ExcludeDisk",
    "ExcludeDiskOptions",
    "FailedOver",
    "Failover",
    "FailoverOptions",
    "Finding",
    "Group",
    "GroupCreate",
    "GroupPage",
    "IncludeDisk",
    "IncludeDiskOptions",
    "Job",
    "JobAccepted",
    "JobPage",
    "JobQuery",
    "JobState",
    "JobVerb",
    "Journal",
    "LastCycle",
    "Lifecycle",
    "Liveness",
    "Location",
    "Machine",
    "MachinePage",
    "MachineQuery",
    "MachinesRequest",
    "NetworkMapping",
    "NetworkMappings",
    "NewToken",
    "NoOptions",
    "OpenDrill",
    "OtherWork",
    "Page",
    "Paging",
    "PlannedFailover",
    "PointHold",
    "PointOptions",
    "PointPage",
    "PointQuery",
    "Points",
    "Policy",
    "PolicyCreate",
    "PolicyPage",
    "RecoveryPreview",
    "RefusedOperation",
    "RegistrationKey",
    "ReplacementKeyCreate",
    "Replication",
    "Reprotect",
    "ReprotectOptions",
    "Resynchronize",
    "Rpo",
    "RpoSample",
    "Seen",
    "Site",
    "SiteCreate",
    "SiteInventory",
    "SiteMachines",
    "SiteNetworks",
    "SitePage",
    "StartAnyway",
    "StartedFrom",
    "Synchronization",
    "Task",
    "TaskFacts",
    "TaskState",
    "TestFailover",
    "TestFailoverOptions",
    "Token",
    "TokenCreate",
    "TokenRotate",
    "Transition",
    "Vault",
    "WithoutSiteOptions",
]
