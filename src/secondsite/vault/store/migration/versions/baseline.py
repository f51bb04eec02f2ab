"""All tables, as they are since 0.2.0. Whatever changes them later is a step of its own beside this one.

They are written down here once more, apart from those of the program: a step makes what it always made,
whatever the program's become.
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = None
branch_labels = None
depends_on = None

metadata = sa.MetaData()


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
    begin(op.get_bind())


def begin(connection: sa.Connection) -> None:
    """The rows with which empty tables begin."""
    no_entry = "0" * 64
    for row in (
        f"audit_ends VALUES (1, 0, '{no_entry}', 0, '{no_entry}', 365)",
        "approval_rules VALUES (1, '[]', 86400, 0)",
        "lived SELECT 1, COALESCE(MAX(begins_at), CURRENT_TIMESTAMP) FROM rpo_blocks",
    ):
        connection.execute(sa.text(f"INSERT INTO {row}"))


# ---- The job engine's ----

sa.Table(
    "job_engines",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("epoch", sa.Integer(), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("subject", sa.String(200)),
    sa.Column("subject_name", sa.Text(), nullable=False),
    sa.Column("arguments", sa.JSON(), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("attempt", sa.Integer(), nullable=False),
    sa.Column("requested_by", sa.Text(), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("result", sa.Text()),
    sa.Column("error", sa.JSON()),
    sa.Column("parent_job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE")),
    sa.Column("parent_position", sa.Integer()),
    sa.Column("parent_attempt", sa.Integer()),
    sa.Column("parent_index", sa.Integer()),
    sa.Column("cancel_requested", sa.Boolean(), nullable=False),
    sa.Column("ending", sa.String(32)),
    sa.Column("ready_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("claim_owner", sa.String(200)),
    sa.Column("claim_epoch", sa.Integer(), nullable=False),
    sa.Index("ix_jobs_children", "parent_job_id", "parent_position", "state", "parent_attempt"),
    sa.Index("ix_jobs_created_at", "created_at"),
    sa.Index("ix_jobs_state_ready_at", "state", "ready_at"),
    sa.Index("ix_jobs_subject", "subject"),
)

sa.Table(
    "job_tasks",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("position", sa.Integer(), nullable=False),
    sa.Column("attempt", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("sentence", sa.Text(), nullable=False),
    sa.Column("progress", sa.Float(), nullable=False),
    sa.Column("partial", sa.Boolean(), nullable=False),
    sa.Column("facts", sa.JSON(), nullable=False),
    sa.Column("error", sa.JSON()),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("waiting_for", sa.String(300)),
    sa.Column("waiting_since", sa.DateTime(timezone=True)),
    sa.Column("deadline_at", sa.DateTime(timezone=True)),
    sa.Column("signalled", sa.Boolean(), nullable=False),
    sa.Column("title", sa.String(200), nullable=False, server_default=""),
    sa.UniqueConstraint("job_id", "kind", "position", "attempt", name="uq_job_tasks_place"),
    sa.Index("ix_job_tasks_waiting_for", "waiting_for"),
)

sa.Table(
    "job_pictures",
    metadata,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("png", sa.LargeBinary(), nullable=False),
    sa.Index("ix_job_pictures_taken_at", "taken_at"),
)

# ---- Sites, and who is at them ----

sa.Table(
    "sites",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("bandwidth", sa.JSON(), nullable=False),
    sa.Column("verification", sa.JSON(), nullable=False, server_default="{}"),
)

sa.Table(
    "site_pairs",
    metadata,
    sa.Column("first", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("second", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("reverse_after_commit", sa.Boolean(), nullable=False),
)

sa.Table(
    "site_inventories",
    metadata,
    sa.Column("site", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("inventory", sa.JSON(), nullable=False),
)

sa.Table(
    "network_mappings",
    metadata,
    sa.Column("source_site", sa.String(63), sa.ForeignKey("sites.name"), primary_key=True),
    sa.Column("source_network", sa.String(255), primary_key=True),
    sa.Column("target_site", sa.String(63), sa.ForeignKey("sites.name"), primary_key=True),
    sa.Column("target_network", sa.String(255), nullable=False),
)

sa.Table(
    "appliances",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("site", sa.String(63), sa.ForeignKey("sites.name"), nullable=False),
    sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("certificate_expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen_at", sa.DateTime(timezone=True)),
    sa.Column("connected", sa.Boolean(), nullable=False),
    sa.Column("hello", sa.JSON()),
    sa.Column("store_free_bytes", sa.BigInteger()),
    sa.Column("stores", sa.JSON(), nullable=False, server_default="[]"),
    sa.Column("disbelieved", sa.JSON()),
)

sa.Table(
    "appliance_keys",
    metadata,
    sa.Column(
        "appliance_id", sa.String(64), sa.ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("key_sha256", sa.String(64), nullable=False),
)

sa.Table(
    "appliance_trusts",
    metadata,
    sa.Column(
        "appliance_id", sa.String(64), sa.ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("trusted", sa.JSON(), nullable=False),
    sa.Column("issuer", sa.String(64), nullable=False),
)

sa.Table(
    "registration_keys",
    metadata,
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(63), sa.ForeignKey("sites.name", ondelete="CASCADE"), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("used_at", sa.DateTime(timezone=True)),
    sa.Column("replaces", sa.String(64)),
)

# ---- What is kept of machines ----

sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("policy", sa.JSON(), nullable=False),
    sa.Column("read_only", sa.Boolean(), nullable=False),
)

sa.Table(
    "groups",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("group", sa.JSON(), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "machines",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("home_site", sa.String(63), sa.ForeignKey("sites.name"), nullable=False),
    sa.Column("source_site", sa.String(63), sa.ForeignKey("sites.name"), nullable=False),
    sa.Column("target_site", sa.String(63), sa.ForeignKey("sites.name"), nullable=False),
    sa.Column("source_appliance_id", sa.String(64), nullable=False),
    sa.Column("target_appliance_id", sa.String(64), nullable=False),
    sa.Column("source_fabric_id", sa.String(255), nullable=False),
    sa.Column("target_fabric_id", sa.String(255), nullable=False),
    sa.Column("policy", sa.String(100), sa.ForeignKey("policies.name"), nullable=False),
    sa.Column("definition", sa.JSON(), nullable=False),
    sa.Column("disks", sa.JSON(), nullable=False),
    sa.Column("state", sa.String(64), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("drill_state", sa.String(64), nullable=False),
    sa.Column("drill", sa.JSON()),
    sa.Column("epoch", sa.BigInteger(), nullable=False),
    sa.Column("failed_over_point_id", sa.String(255)),
    sa.Column("failed_over_at", sa.DateTime(timezone=True)),
    sa.Column("job_id", sa.String(64)),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("group", sa.String(63), sa.ForeignKey("groups.name")),
    sa.Column("failed_over_forward", sa.JSON()),
    sa.Column("encrypted", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("generation", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("claimed_by", sa.String(64)),
    sa.Column("came_from", sa.String(64)),
    sa.Column("start_ordered", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("drill_generation", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("drill_claimed_by", sa.String(64)),
    sa.Column("warned", sa.JSON()),
    sa.Column("drilled_at", sa.DateTime(timezone=True)),
    sa.Column("drill_failed_at", sa.DateTime(timezone=True)),
    sa.Column("names", sa.JSON()),
    sa.Column("keeping", sa.JSON(), nullable=False, server_default="{}"),
    sa.Column("recovered", sa.JSON()),
    sa.Column("booted", sa.JSON()),
    sa.Column("proven_as", sa.JSON()),
    sa.Column("drift", sa.JSON()),
    sa.Column("coming_appliance_id", sa.String(64)),
    sa.Column("seen_addresses", sa.JSON()),
    sa.UniqueConstraint("source_site", "source_fabric_id", name="uq_machines_source"),
    sa.Index("ix_machines_group", "group"),
    sa.Index(
        "ix_machines_page", "name", "id", "version", "state", "policy", "group", "source_site", "target_site"
    ),
)

sa.Table(
    "machine_statuses",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("source", sa.JSON()),
    sa.Column("source_at", sa.DateTime(timezone=True)),
    sa.Column("replica", sa.JSON()),
    sa.Column("replica_at", sa.DateTime(timezone=True)),
    sa.Column("generation", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("old_copy", sa.JSON()),
    sa.Column("old_copy_at", sa.DateTime(timezone=True)),
    sa.Column("drill_generation", sa.BigInteger(), nullable=False, server_default="0"),
)

sa.Table(
    "machine_figures",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("source", sa.Text()),
    sa.Column("source_at", sa.DateTime(timezone=True)),
    sa.Column("replica", sa.Text()),
    sa.Column("replica_at", sa.DateTime(timezone=True)),
    sqlite_with_rowid=False,
)

sa.Table(
    "machine_points",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.BigInteger(), nullable=False),
    sa.Column("seq", sa.BigInteger(), nullable=False),
    sa.Column("point", sa.JSON(), nullable=False),
    sqlite_with_rowid=False,
)

sa.Table(
    "rpo_blocks",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("begins_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("slots", sa.LargeBinary(), nullable=False),
    sa.Index("ix_rpo_blocks_begins_at", "begins_at"),
)

# ---- What is set for single machines ----

sa.Table(
    "machine_settings",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("cards", sa.JSON(), nullable=False),
)

sa.Table(
    "machine_checks",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("checks", sa.JSON(), nullable=False),
)

sa.Table(
    "machine_hooks",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("hooks", sa.JSON(), nullable=False),
)

sa.Table(
    "machine_properties",
    metadata,
    sa.Column(
        "machine_id", sa.String(64), sa.ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("properties", sa.JSON(), nullable=False),
)

sa.Table(
    "address_pools",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("settings", sa.JSON(), nullable=False),
)

sa.Table(
    "pool_addresses",
    metadata,
    sa.Column("pool", sa.String(63), sa.ForeignKey("address_pools.name"), primary_key=True),
    sa.Column("address", sa.String(15), primary_key=True),
    sa.Column("machine_id", sa.String(64), nullable=False),
    sa.Column("machine_name", sa.Text(), nullable=False),
    sa.Column("mac", sa.String(17), nullable=False),
    sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("machine_id", "mac", "pool", name="uq_pool_addresses_machine_id"),
)

# ---- Plans, drills and evidence ----

sa.Table(
    "plans",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("plan", sa.JSON(), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "drill_schedules",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("schedule", sa.JSON(), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("job_id", sa.String(64)),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("said", sa.Text(), nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True)),
    sa.Column("maker_id", sa.String(64)),
    sa.Column("plan_made_at", sa.DateTime(timezone=True)),
)

sa.Table(
    "drill_notes",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("machine_id", sa.String(64), nullable=False),
    sa.Column("notes", sa.Text(), nullable=False),
    sa.Column("point_id", sa.String(255), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("requested_by", sa.Text(), nullable=False),
    sa.Column("forward", sa.JSON()),
    sa.Column("verdict", sa.String(64)),
    sa.Index("ix_drill_notes_machine_id", "machine_id"),
)

sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("job_id", sa.String(64), nullable=False),
    sa.Column("verb", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text(), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("requested_by", sa.Text(), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sites", sa.JSON(), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("number", sa.Integer(), nullable=False, unique=True),
    sa.Column("document", sa.Text(), nullable=False),
)

sa.Table(
    "evidence_pictures",
    metadata,
    sa.Column("evidence_id", sa.String(80), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("png", sa.LargeBinary(), nullable=False),
)

sa.Table(
    "run_times",
    metadata,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("machine_id", sa.String(64), nullable=False),
    sa.Column("verb", sa.String(64), nullable=False),
    sa.Column("source_site", sa.String(63), nullable=False),
    sa.Column("target_site", sa.String(63), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("parts", sa.JSON(), nullable=False),
    sa.Column("downtime", sa.Float()),
    sa.Column("predicted", sa.Float()),
    sa.Index("ix_run_times_machine_id", "machine_id"),
    sa.Index("ix_run_times_way", "source_site", "target_site", "ended_at"),
)

sa.Table(
    "validations",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("machines", sa.Integer(), nullable=False),
    sa.Column("not_asked", sa.Integer(), nullable=False),
    sa.Column("flaws", sa.JSON(), nullable=False),
)

# ---- Who may do what, and what was done ----

sa.Table(
    "tokens",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("id", sa.String(64), nullable=False, server_default=""),
    sa.Column("roles", sa.JSON(), nullable=False, server_default='["contributor", "access_administrator"]'),
    sa.Column("site", sa.String(63)),
    sa.Column("issued_at", sa.DateTime(timezone=True)),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.Column("former_sha256", sa.String(64)),
    sa.Column("former_until", sa.DateTime(timezone=True)),
    sa.Column("person", sa.String(100)),
    sa.Column("shown_to", sa.JSON(), nullable=False, server_default="[]"),
    sa.Index("ix_tokens_former_sha256", "former_sha256"),
)

sa.Table(
    "answers",
    metadata,
    sa.Column("caller", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("answer", sa.JSON()),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_answers_answered_at", "answered_at"),
)

sa.Table(
    "approval_rules",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("verbs", sa.JSON(), nullable=False),
    sa.Column("lasts_seconds", sa.Float(), nullable=False),
    sa.Column("last_number", sa.Integer(), nullable=False),
)

sa.Table(
    "approvals",
    metadata,
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("stage", sa.String(64), nullable=False),
    sa.Column("verb", sa.String(64), nullable=False),
    sa.Column("permission", sa.String(64), nullable=False),
    sa.Column("request", sa.JSON(), nullable=False),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("who", sa.Text(), nullable=False),
    sa.Column("token_id", sa.String(64), nullable=False),
    sa.Column("token_sha256", sa.String(64), nullable=False),
    sa.Column("site", sa.String(63)),
    sa.Column("address", sa.Text(), nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("by", sa.Text()),
    sa.Column("by_sha256", sa.String(64)),
    sa.Column("why", sa.Text(), nullable=False),
    sa.Column("tried", sa.Text(), nullable=False),
    sa.Column("code", sa.Integer()),
    sa.Column("job_id", sa.String(64)),
)

sa.Table(
    "audit_ends",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("head_number", sa.BigInteger(), nullable=False),
    sa.Column("head_digest", sa.String(64), nullable=False),
    sa.Column("anchor_number", sa.BigInteger(), nullable=False),
    sa.Column("anchor_digest", sa.String(64), nullable=False),
    sa.Column("kept_days", sa.Integer()),
)

sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("who", sa.Text(), nullable=False),
    sa.Column("token_id", sa.String(64), nullable=False),
    sa.Column("address", sa.Text(), nullable=False),
    sa.Column("verb", sa.Text(), nullable=False),
    sa.Column("object", sa.Text(), nullable=False),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("code", sa.Integer()),
    sa.Column("job_id", sa.String(64)),
    sa.Column("details", sa.Text(), nullable=False),
    sa.Column("former", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Index("ix_audit_at", "at"),
)

# ---- Notices ----

sa.Table(
    "notice_targets",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False, unique=True),
    sa.Column("target", sa.JSON(), nullable=False),
    sa.Column("secret", sa.Text()),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "notice_deliveries",
    metadata,
    sa.Column(
        "target_id", sa.String(64), sa.ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("said", sa.Text(), nullable=False),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.Column("failing_since", sa.DateTime(timezone=True)),
    sa.Column("next_at", sa.DateTime(timezone=True)),
    sa.Column("given_up", sa.Integer(), nullable=False),
)

sa.Table(
    "notice_claims",
    metadata,
    sa.Column(
        "target_id", sa.String(64), sa.ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "notice_marks",
    metadata,
    sa.Column(
        "target_id", sa.String(64), sa.ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("machine_id", sa.String(64), primary_key=True),
    sa.Column("code", sa.String(64), primary_key=True),
    sa.Column("machine", sa.String(200), nullable=False),
    sa.Column("present", sa.Boolean(), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("times", sa.Integer(), nullable=False),
)

sa.Table(
    "notices",
    metadata,
    sa.Column("number", sa.Integer(), primary_key=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column(
        "target_id", sa.String(64), sa.ForeignKey("notice_targets.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("happening", sa.JSON(), nullable=False),
    sa.Column("critical", sa.Boolean(), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("message_id", sa.String(64)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("given_up", sa.Boolean(), nullable=False),
    sa.Index("ix_notices_unsent", "ended_at", "target_id", "message_id", "critical"),
)

# ---- The vault itself, and several processes of it ----

sa.Table(
    "lineage",
    metadata,
    sa.Column("vault", sa.String(100), primary_key=True),
    sa.Column("mark", sa.String(64), nullable=False),
    sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"),
)

sa.Table(
    "lived",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "vault_processes",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("control_url", sa.Text(), nullable=False),
    sa.Column("trusted", sa.JSON(), nullable=False),
    sa.Column("version", sa.Text(), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
)

sa.Table(
    "appliance_links",
    metadata,
    sa.Column(
        "appliance_id", sa.String(64), sa.ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("epoch", sa.Integer(), nullable=False),
)

sa.Table(
    "passed_orders",
    metadata,
    sa.Column("order_id", sa.String(300), primary_key=True),
    sa.Column("appliance_id", sa.String(64), nullable=False),
    sa.Column("order", sa.JSON(), nullable=False),
    sa.Column("asked_by", sa.String(200), nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("taken_by", sa.String(200)),
    sa.Column("report", sa.JSON()),
    sa.Column("fraction", sa.Float(), nullable=False),
    sa.Column("sentence", sa.Text(), nullable=False),
    sa.Column("is_news", sa.Boolean(), nullable=False),
)
