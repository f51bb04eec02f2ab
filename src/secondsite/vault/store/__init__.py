"""The vault's records in SQL: one file for each noun, with its record, its table and its queries. Records are
frozen; a change is a new record that is put back.

Its rooms:

    store                             transactions over all records
    machines/                         machines under protection, what is set for them and known of them
    sites, appliances                 sites and how two of them map, and their appliances
    policies, groups, plans, pools    what many machines share
    drill_schedules                   test failovers that the vault starts
    enrollment, tokens, approvals     who may come in, and what waits for a second person
    audit, answers                    what was done by whom, and what was answered to requests that may be
                                      repeated
    notices, notice_targets           what people and programs are told
    evidence, run_times, pictures     what is kept of failovers and drills
    validations                       what the check of the whole configuration found
    processes                         several vault processes on one database
    lived, lineage                    how far lived time is, and the mark by which a restored database is told
    sql/                              how a record becomes a row
    copying/                          a database as files, and back
    migration/                        brings a database to this program's tables
"""

from .answers import AnswerRecord, Answers
from .appliances import ApplianceRecord, ApplianceRecords, DisbelievedRecord, Inventories, InventoryRecord
from .approvals import ApprovalRecord, Approvals, PendingRequest
from .audit import Audit, AuditEnds, AuditFilter
from .drill_schedules import DrillScheduleRecord, DrillSchedules
from .enrollment import ApplianceKeys, ApplianceTrust, ApplianceTrusts, KeyRecord, RegistrationKeys
from .evidence import EvidenceRecord, Evidences
from .groups import GroupRecord, Groups
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
    MachineChecks,
    MachineChecksRecord,
    MachineHooks,
    MachineHooksRecord,
    MachineProperties,
    MachinePropertiesRecord,
    MachineSettings,
    MachineSettingsRecord,
)
from .machines.statuses import DatedStatus, StatusRecord, StatusRecords
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
from .tokens import TokenRecord, Tokens
from .validations import ValidationRecord, Validations

__all__ = [
    "CHANNEL",
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
    "Audit",
    "AuditEnds",
    "AuditFilter",
    "BootedRecord",
    "DatedStatus",
    "DisbelievedRecord",
    "DriftRecord",
    "DrillNote",
    "DrillNotes",
    "DrillRecord",
    "DrillScheduleRecord",
    "DrillSchedules",
    "EvidenceRecord",
    "Evidences",
    "GroupRecord",
    "Groups",
    "Inventories",
    "InventoryRecord",
    "KeyRecord",
    "Links",
    "LivedTime",
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
    "PendingRequest",
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
    "RecoveredRecord",
    "RegistrationKeys",
    "RelayedOrder",
    "RelayedOrders",
    "RpoBlock",
    "RpoBlocks",
    "RunTimeRecord",
    "RunTimes",
    "SeenNumbers",
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
