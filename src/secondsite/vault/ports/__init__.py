"""What the vault needs from the outside, as protocols: a store of facts, and a gateway to the appliances.

`entry` brings the adapters (`store`, `gateway`). Records are frozen; a change is a new record that is put back.
"""

from .access import (
    Admit,
    ApplianceKeys,
    ApplianceTrust,
    ApplianceTrusts,
    Authority,
    KeyRecord,
    RegistrationKeys,
    Renew,
    TokenRecord,
    Tokens,
)
from .answers import AnswerRecord, Answers
from .approvals import ApprovalRecord, Approvals, AskedFor
from .audit import Audit, AuditEnds, AuditWanted
from .drills import DrillScheduleRecord, DrillSchedules
from .gateway import FactSink, Gateway, Signals, WrittenDown
from .kept.evidence import EvidenceRecord, Evidences
from .kept.pictures import PictureRecord, Pictures
from .kept.run_times import RunTimeRecord, RunTimes
from .kept.validations import ValidationRecord, Validations
from .machines import (
    BootedRecord,
    DriftRecord,
    DrillNote,
    DrillNotes,
    DrillRecord,
    MachinePlace,
    MachineRecord,
    MachineRecords,
    MachinesWanted,
    NamesRecord,
    ProvenRecord,
    RecoveredRecord,
    SeenNumbers,
    WarnedRecord,
)
from .notices import (
    Notice,
    NoticeDelivery,
    NoticeMessage,
    Notices,
    NoticeTargetRecord,
    NoticeTargets,
    Unsent,
)
from .places import (
    ApplianceRecord,
    ApplianceRecords,
    Inventories,
    InventoryRecord,
    NetworkMappings,
    SitePairRecord,
    SitePairs,
    SiteRecord,
    Sites,
)
from .plans import PlanRecord, Plans
from .policies import GroupRecord, Groups, Policies
from .pools import AddressPools, PoolRecord, TakenRecord
from .processes import Links, Passed, PassedOrders, Processes, ProcessRecord
from .settings import (
    MachineChecks,
    MachineChecksRecord,
    MachineProperties,
    MachinePropertiesRecord,
    MachineSettings,
    MachineSettingsRecord,
)
from .statuses import PointNews, PointRows, RpoBlock, RpoBlocks, Said, StatusRecord, StatusRecords
from .store import Store, Transaction

__all__ = [
    "AddressPools",
    "Admit",
    "AnswerRecord",
    "Answers",
    "ApplianceKeys",
    "ApplianceRecord",
    "ApplianceRecords",
    "ApplianceTrust",
    "ApplianceTrusts",
    "ApprovalRecord",
    "Approvals",
    "AskedFor",
    "Audit",
    "AuditEnds",
    "AuditWanted",
    "Authority",
    "BootedRecord",
    "DriftRecord",
    "DrillNote",
    "DrillNotes",
    "DrillRecord",
    "DrillScheduleRecord",
    "DrillSchedules",
    "EvidenceRecord",
    "Evidences",
    "FactSink",
    "Gateway",
    "GroupRecord",
    "Groups",
    "Inventories",
    "InventoryRecord",
    "KeyRecord",
    "Links",
    "MachineChecks",
    "MachineChecksRecord",
    "MachinePlace",
    "MachineProperties",
    "MachinePropertiesRecord",
    "MachineRecord",
    "MachineRecords",
    "MachineSettings",
    "MachineSettingsRecord",
    "MachinesWanted",
    "NamesRecord",
    "NetworkMappings",
    "Notice",
    "NoticeDelivery",
    "NoticeMessage",
    "NoticeTargetRecord",
    "NoticeTargets",
    "Notices",
    "Passed",
    "PassedOrders",
    "PictureRecord",
    "Pictures",
    "PlanRecord",
    "Plans",
    "PointNews",
    "PointRows",
    "Policies",
    "PoolRecord",
    "ProcessRecord",
    "Processes",
    "ProvenRecord",
    "RecoveredRecord",
    "RegistrationKeys",
    "Renew",
    "RpoBlock",
    "RpoBlocks",
    "RunTimeRecord",
    "RunTimes",
    "Said",
    "SeenNumbers",
    "Signals",
    "SitePairRecord",
    "SitePairs",
    "SiteRecord",
    "Sites",
    "StatusRecord",
    "StatusRecords",
    "Store",
    "TakenRecord",
    "TokenRecord",
    "Tokens",
    "Transaction",
    "Unsent",
    "ValidationRecord",
    "Validations",
    "WarnedRecord",
    "WrittenDown",
]
