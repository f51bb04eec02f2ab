"""The vault's records in SQL: one file for each noun, with its record, its table and its queries. Records are
frozen; a change is a new record that is put back.

Its rooms:

    store                           transactions over all records
    machines/                       protected machines, their settings and statuses
    sites, appliances               sites, their pairs and network mappings, and their appliances
    policies, groups, plans, pools  what many machines share
    held_checks                     plans that may commit by themselves
    drill_schedules                 test failovers that the vault starts
    enrollment, approvals           which appliances may connect, and what waits for a second person
    access/                         who may talk to the vault: tokens, people, sessions
    audit, answers                  the audit log, and answers to requests that may be repeated
    notices, notice_targets         what people and programs are told
    evidence, run_times, pictures   what is kept of failovers and drills
    validations                     the result of the last validation
    processes                       several vault processes on one database
    lived, lineage                  lived time, and the mark by which a restored database is recognized
    sql/                            makes rows of records
    copying/                        a database as files, and back
    migration/                      upgrades a database to this program's tables
"""

from .access import (
    PEOPLE_LOCK,
    HolderRecord,
    KeyChallenge,
    LoginRequestRecord,
    OpenSession,
    People,
    PersonRecord,
    ProviderLogin,
    ProviderRecord,
    SessionRecord,
    Sessions,
    TokenRecord,
    Tokens,
)
from .answers import AnswerRecord, Answers
from .appliances import ApplianceRecord, ApplianceRecords, DisbelievedRecord, Inventories, InventoryRecord
from .approvals import ApprovalRecord, Approvals, AskedMachine, PendingRequest
from .audit import Audit, AuditCount, AuditEnds, AuditFilter
from .drill_schedules import DrillScheduleRecord, DrillSchedules
from .enrollment import ApplianceKeys, ApplianceTrust, ApplianceTrusts, KeyRecord, RegistrationKeys
from .evidence import EvidenceLine, EvidenceRecord, Evidences
from .groups import GroupRecord, Groups
from .held_checks import ANY_BEFORE, HeldChecksRecord, HeldChecksRecords
from .lived import LivedTime
from .machines.drill_notes import DrillNote, DrillNotes
from .machines.machines import MachineRecords
from .machines.points import PointNews, PointRows
from .machines.records import (
    AddressesRecord,
    BootedRecord,
    DriftRecord,
    DrillRecord,
    MachineFilter,
    MachinePlace,
    MachineRecord,
    NamesRecord,
    ProvenRecord,
    RecoveredRecord,
    SeenNumbers,
    WarnedRecord,
)
from .machines.rpo import RpoBlock, RpoBlocks
from .machines.settings import (
    Confirmations,
    ConfirmationsRecord,
    MachineChecks,
    MachineChecksRecord,
    MachineHooks,
    MachineHooksRecord,
    MachineProperties,
    MachinePropertiesRecord,
    MachineSettings,
    MachineSettingsRecord,
)
from .machines.statuses import ArrivalRecord, DatedStatus, StatusRecord, StatusRecords
from .migration import migrate
from .notice_targets import NoticeTargetRecord, NoticeTargets
from .notices import Notice, NoticeDelivery, NoticeMessage, Notices, Unsent
from .pictures import PictureRecord, Pictures
from .plans import PlanRecord, Plans
from .policies import Policies
from .pools import AddressPools, PoolAddressRecord, PoolRecord
from .processes import CHANNEL, Links, Processes, ProcessRecord, RelayedOrder, RelayedOrders, heard
from .run_times import RunTimeRecord, RunTimes
from .sites import NetworkMappings, SitePairRecord, SitePairs, SiteRecord, Sites
from .sql.columns import metadata
from .store import Store, Transaction
from .validations import ValidationRecord, Validations

__all__ = [
    "ANY_BEFORE",
    "CHANNEL",
    "PEOPLE_LOCK",
    "AddressPools",
    "AddressesRecord",
    "AnswerRecord",
    "Answers",
    "ApplianceKeys",
    "ApplianceRecord",
    "ApplianceRecords",
    "ApplianceTrust",
    "ApplianceTrusts",
    "ApprovalRecord",
    "Approvals",
    "ArrivalRecord",
    "AskedMachine",
    "Audit",
    "AuditCount",
    "AuditEnds",
    "AuditFilter",
    "BootedRecord",
    "Confirmations",
    "ConfirmationsRecord",
    "DatedStatus",
    "DisbelievedRecord",
    "DriftRecord",
    "DrillNote",
    "DrillNotes",
    "DrillRecord",
    "DrillScheduleRecord",
    "DrillSchedules",
    "EvidenceLine",
    "EvidenceRecord",
    "Evidences",
    "GroupRecord",
    "Groups",
    "HeldChecksRecord",
    "HeldChecksRecords",
    "HolderRecord",
    "Inventories",
    "InventoryRecord",
    "KeyChallenge",
    "KeyRecord",
    "Links",
    "LivedTime",
    "LoginRequestRecord",
    "MachineChecks",
    "MachineChecksRecord",
    "MachineFilter",
    "MachineHooks",
    "MachineHooksRecord",
    "MachinePlace",
    "MachineProperties",
    "MachinePropertiesRecord",
    "MachineRecord",
    "MachineRecords",
    "MachineSettings",
    "MachineSettingsRecord",
    "NamesRecord",
    "NetworkMappings",
    "Notice",
    "NoticeDelivery",
    "NoticeMessage",
    "NoticeTargetRecord",
    "NoticeTargets",
    "Notices",
    "OpenSession",
    "PendingRequest",
    "People",
    "PersonRecord",
    "PictureRecord",
    "Pictures",
    "PlanRecord",
    "Plans",
    "PointNews",
    "PointRows",
    "Policies",
    "PoolAddressRecord",
    "PoolRecord",
    "ProcessRecord",
    "Processes",
    "ProvenRecord",
    "ProviderLogin",
    "ProviderRecord",
    "RecoveredRecord",
    "RegistrationKeys",
    "RelayedOrder",
    "RelayedOrders",
    "RpoBlock",
    "RpoBlocks",
    "RunTimeRecord",
    "RunTimes",
    "SeenNumbers",
    "SessionRecord",
    "Sessions",
    "SitePairRecord",
    "SitePairs",
    "SiteRecord",
    "Sites",
    "StatusRecord",
    "StatusRecords",
    "Store",
    "TokenRecord",
    "Tokens",
    "Transaction",
    "Unsent",
    "ValidationRecord",
    "Validations",
    "WarnedRecord",
    "heard",
    "metadata",
    "migrate",
]
