"""The rows. Columns bear the record's field names."""

from pydantic import JsonValue
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ...domain.access.approvals import Stage
from ...domain.access.chain import Outcome
from ...domain.access.roles import Permission, Role
from ...domain.bandwidth_schedule import BandwidthSchedule
from ...domain.drills.verdicts import Verdict
from ...domain.groups import ReplicationGroup
from ...domain.lifecycle import DrillState, State
from ...domain.policies import ReplicationPolicy
from ...domain.verification_budget import VerificationBudget
from ...wire.common.machines import MachineDefinition
from ...wire.common.numbers import LONGEST_NAME
from ...wire.common.points import PointShape, RolledForward
from ...wire.common.stores import Keeping, StoreSpace
from ...wire.control import Hello
from ...wire.control.changes import ReplicaFigures, SourceFigures
from ...wire.control.orders import Inventory
from ...wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from .. import ports
from .columns import Listed, Said, Shaped, UtcDateTime, Word

metadata = MetaData()

sites = Table(
    "sites",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("bandwidth", Shaped(BandwidthSchedule), nullable=False),
    Column("verification", Shaped(VerificationBudget), nullable=False),
)

# What was said of two sites; where nothing was, the defaults hold.
site_pairs = Table(
    "site_pairs",
    metadata,
    Column("first", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("second", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("reverse_after_commit", Boolean, nullable=False),
)

appliances = Table(
    "appliances",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("site", ForeignKey("sites.name"), nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("certificate_expires_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime),
    Column("connected", Boolean, nullable=False),
    Column("hello", Said(Hello)),
    Column("store_free_bytes", BigInteger),
    Column("stores", Shaped(tuple[StoreSpace, ...]), nullable=False),
    Column("disbelieved", Shaped(ports.DisbelievedRecord)),
)

# What a site had when it was last asked: shown while it cannot be asked.
site_inventories = Table(
    "site_inventories",
    metadata,
    Column("site", ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("inventory", Shaped(Inventory), nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("policy", Shaped(ReplicationPolicy), nullable=False),
    Column("read_only", Boolean, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("group", Shaped(ReplicationGroup), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

machines = Table(
    "machines",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("home_site", ForeignKey("sites.name"), nullable=False),
    Column("source_site", ForeignKey("sites.name"), nullable=False),
    Column("target_site", ForeignKey("sites.name"), nullable=False),
    # No foreign keys here: an appliance may be lost and replaced while its machines stay protected.
    Column("source_appliance_id", String(64), nullable=False),
    Column("target_appliance_id", String(64), nullable=False),
    Column("source_fabric_id", String(LONGEST_NAME), nullable=False),
    Column("target_fabric_id", String(LONGEST_NAME), nullable=False),
    Column("policy", ForeignKey("policies.name"), nullable=False),
    Column("definition", Shaped(MachineDefinition), nullable=False),
    Column("disks", Shaped(tuple[str, ...]), nullable=False),
    Column("state", Word(State), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("drill_state", Word(DrillState), nullable=False),
    Column("drill", Shaped(ports.DrillRecord)),
    Column("epoch", BigInteger, nullable=False),
    Column("failed_over_point_id", String(LONGEST_NAME)),
    Column("failed_over_at", UtcDateTime),
    Column("job_id", String(64)),
    Column("version", Integer, nullable=False),
    Column("group", ForeignKey("groups.name")),
    Column("failed_over_forward", Shaped(RolledForward)),
    Column("encrypted", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("claimed_by", String(64)),
    Column("came_from", Word(State)),
    Column("start_ordered", Boolean, nullable=False),
    Column("drill_generation", BigInteger, nullable=False),
    Column("drill_claimed_by", String(64)),
    Column("drilled_at", UtcDateTime),
    Column("drill_failed_at", UtcDateTime),
    Column("warned", Shaped(ports.WarnedRecord)),
    Column("names", Shaped(ports.NamesRecord)),
    Column("keeping", Shaped(dict[str, Keeping]), nullable=False),
    Column("recovered", Shaped(ports.RecoveredRecord)),
    Column("coming_appliance_id", String(64)),
    Column("booted", Shaped(ports.BootedRecord)),
    Column("proven_as", Shaped(ports.ProvenRecord)),
    Column("drift", Shaped(ports.DriftRecord)),
    Column("seen_addresses", Shaped(ports.AddressesRecord)),
    UniqueConstraint("source_site", "source_fabric_id", name="uq_machines_source"),
    # All that a page is ordered and filtered by: which machines it has is read from here, without their rows. One index, because
    # every change of a machine writes all of them.
    Index(
        "ix_machines_page", "name", "id", "version", "state", "policy", "group", "source_site", "target_site"
    ),
    Index("ix_machines_group", "group"),
)

statuses = Table(
    "machine_statuses",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Said(SourceStatus)),
    Column("source_at", UtcDateTime),
    Column("replica", Said(ReplicaStatus)),
    Column("replica_at", UtcDateTime),
    Column("generation", BigInteger, nullable=False, default=0),
    Column("old_copy", Said(OldCopyStatus)),
    Column("old_copy_at", UtcDateTime),
    Column("drill_generation", BigInteger, nullable=False, default=0),
)

# Newer than those in the statuses, if they were said later: they change with every cycle, the rest hardly ever.
figures = Table(
    "machine_figures",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Listed(SourceFigures)),
    Column("source_at", UtcDateTime),
    Column("replica", Listed(ReplicaFigures)),
    Column("replica_at", UtcDateTime),
    sqlite_with_rowid=False,
)

# Those of the replicas: they come and go, one by one. Without a row id, the points of a machine lie together on SQLite.
points = Table(
    "machine_points",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("point", Said(PointShape), nullable=False),
    sqlite_with_rowid=False,
)

# Ten minutes of a machine's RPO in one small row, as domain.rpo packs them.
rpo_blocks = Table(
    "rpo_blocks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("begins_at", UtcDateTime, primary_key=True),
    Column("slots", LargeBinary, nullable=False),
    Index("ix_rpo_blocks_begins_at", "begins_at"),
)

network_mappings = Table(
    "network_mappings",
    metadata,
    Column("source_site", ForeignKey("sites.name"), primary_key=True),
    Column("source_network", String(LONGEST_NAME), primary_key=True),
    Column("target_site", ForeignKey("sites.name"), primary_key=True),
    Column("target_network", String(LONGEST_NAME), nullable=False),
)

# Evidence outlives the machine's protection, so there is no foreign key.
drill_notes = Table(
    "drill_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("notes", Text, nullable=False),
    Column("point_id", String(LONGEST_NAME), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("forward", Shaped(RolledForward)),
    Column("verdict", Word(Verdict)),
    Index("ix_drill_notes_machine_id", "machine_id"),
)

registration_keys = Table(
    "registration_keys",
    metadata,
    Column("key_sha256", String(64), primary_key=True),
    Column("site", ForeignKey("sites.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("replaces", String(64)),
)

# Apart from the appliances: these are written whole with each status, and nothing old may come back here.
appliance_keys = Table(
    "appliance_keys",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("key_sha256", String(64), nullable=False),
)

appliance_trusts = Table(
    "appliance_trusts",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("trusted", Shaped(tuple[str, ...]), nullable=False),
    Column("issuer", String(64), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("id", String(64), nullable=False),
    Column("roles", Shaped(tuple[Role, ...]), nullable=False),
    Column("site", String(63)),
    Column("issued_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("former_sha256", String(64)),
    Column("former_until", UtcDateTime),
    Column("person", String(100)),
    Column("shown_to", Shaped(tuple[str, ...]), nullable=False),
    Index("ix_tokens_former_sha256", "former_sha256"),
)

# The newest mark of each vault on this database: the file beside a restored database holds another. Its number rises with
# each mark, and appliances remember the highest.
lived = Table(
    "lived",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
)

lineage = Table(
    "lineage",
    metadata,
    Column("vault", String(100), primary_key=True),
    Column("mark", String(64), nullable=False),
    Column("number", BigInteger, nullable=False, default=0),
)

# Append-only. Only pruning deletes, from the beginning.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("address", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", Word(Outcome), nullable=False),
    Column("code", Integer),
    Column("job_id", String(64)),
    Column("details", Text, nullable=False),
    Column("former", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_audit_at", "at"),
)

# One row.
audit_ends = Table(
    "audit_ends",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("head_number", BigInteger, nullable=False),
    Column("head_digest", String(64), nullable=False),
    Column("anchor_number", BigInteger, nullable=False),
    Column("anchor_digest", String(64), nullable=False),
    Column("kept_days", Integer),
)

# Requests that wait for a second person's approval, and those that did.
approvals = Table(
    "approvals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("stage", Word(Stage), nullable=False),
    Column("verb", String(64), nullable=False),
    Column("permission", Word(Permission), nullable=False),
    Column("request", Shaped(ports.AskedFor), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("who", Text, nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("token_sha256", String(64), nullable=False),
    Column("site", String(63)),
    Column("address", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("by", Text),
    Column("by_sha256", String(64)),
    Column("why", Text, nullable=False),
    Column("tried", Text, nullable=False),
    Column("code", Integer),
    Column("job_id", String(64)),
)

# One row.
approval_rules = Table(
    "approval_rules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("verbs", Shaped(tuple[str, ...]), nullable=False),
    Column("lasts_seconds", Float, nullable=False),
    Column("last_number", Integer, nullable=False),
)

# Short-lived: a repeat of a request with an idempotency key gets the first one's answer.
answers = Table(
    "answers",
    metadata,
    Column("caller", String(100), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("answer", Shaped(dict[str, JsonValue])),
    Column("answered_at", UtcDateTime, nullable=False),
    Index("ix_answers_answered_at", "answered_at"),
)
