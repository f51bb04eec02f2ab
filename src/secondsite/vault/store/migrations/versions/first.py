"""The first tables: the vault's records and the job engine's."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_engines",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("parent_job_id", sa.String(length=64), nullable=True),
        sa.Column("parent_position", sa.Integer(), nullable=True),
        sa.Column("parent_attempt", sa.Integer(), nullable=True),
        sa.Column("parent_index", sa.Integer(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("ending", sa.String(length=32), nullable=True),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_owner", sa.String(length=200), nullable=True),
        sa.Column("claim_epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"], unique=False)
    op.create_index("ix_jobs_parent_job_id", "jobs", ["parent_job_id"], unique=False)
    op.create_index("ix_jobs_state_ready_at", "jobs", ["state", "ready_at"], unique=False)
    op.create_index("ix_jobs_subject", "jobs", ["subject"], unique=False)
    op.create_table(
        "job_tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_for", sa.String(length=300), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signalled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "kind", "position", "attempt", name="uq_job_tasks_place"),
    )
    op.create_index("ix_job_tasks_waiting_for", "job_tasks", ["waiting_for"], unique=False)
    op.create_table(
        "drill_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("point_id", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_drill_notes_machine_id", "drill_notes", ["machine_id"], unique=False)
    op.create_table(
        "policies",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bandwidth", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tokens",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("token_sha256"),
    )
    op.create_table(
        "appliances",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("certificate_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("hello", sa.JSON(), nullable=True),
        sa.Column("store_free_bytes", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "groups",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("group", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "machines",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("home_site", sa.String(length=63), nullable=False),
        sa.Column("source_site", sa.String(length=63), nullable=False),
        sa.Column("target_site", sa.String(length=63), nullable=False),
        sa.Column("source_appliance_id", sa.String(length=64), nullable=False),
        sa.Column("target_appliance_id", sa.String(length=64), nullable=False),
        sa.Column("source_fabric_id", sa.String(length=200), nullable=False),
        sa.Column("target_fabric_id", sa.String(length=200), nullable=False),
        sa.Column("policy", sa.String(length=100), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("disks", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drill_state", sa.String(64), nullable=False),
        sa.Column("drill", sa.JSON(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("failed_over_point_id", sa.String(length=200), nullable=True),
        sa.Column("failed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("group", sa.String(length=63), nullable=True),
        sa.ForeignKeyConstraint(
            ["group"],
            ["groups.name"],
        ),
        sa.ForeignKeyConstraint(
            ["home_site"],
            ["sites.name"],
        ),
        sa.ForeignKeyConstraint(
            ["policy"],
            ["policies.name"],
        ),
        sa.ForeignKeyConstraint(
            ["source_site"],
            ["sites.name"],
        ),
        sa.ForeignKeyConstraint(
            ["target_site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_site", "source_fabric_id", name="uq_machines_source"),
    )
    op.create_index("ix_machines_group", "machines", ["group"], unique=False)
    op.create_index("ix_machines_name", "machines", ["name"], unique=False)
    op.create_table(
        "network_mappings",
        sa.Column("source_site", sa.String(length=63), nullable=False),
        sa.Column("source_network", sa.String(length=200), nullable=False),
        sa.Column("target_site", sa.String(length=63), nullable=False),
        sa.Column("target_network", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_site"],
            ["sites.name"],
        ),
        sa.ForeignKeyConstraint(
            ["target_site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("source_site", "source_network", "target_site"),
    )
    op.create_table(
        "registration_keys",
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=63), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_sha256"),
    )
    op.create_table(
        "machine_statuses",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replica", sa.JSON(), nullable=True),
        sa.Column("replica_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("machine_id"),
    )
    op.create_table(
        "rpo_blocks",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("machine_id", "begins_at"),
    )
    op.create_index("ix_rpo_blocks_begins_at", "rpo_blocks", ["begins_at"], unique=False)
