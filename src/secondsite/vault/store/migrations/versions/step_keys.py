"""A step has a key that lasts and a title that may be reworded: until now its title was both.

What was written under a title is found again under its key, so a job that is half-way goes on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OLD_TITLES = {
    "enable_protection": {
        "Prerequisites check": "check",
        "Create replica": "create_replica",
        "Import of the seed": "import_seed",
        "Enable replication": "enable_replication",
        "Initial replication": "initial_replication",
    },
    "disable_protection": {
        "Stop replication": "stop_replication",
        "Remove replica": "remove_replica",
    },
    "test_failover": {
        "Prerequisites check": "check",
        "Create test network": "create_network",
        "Test failover": "choose",
        "Start": "start",
    },
    "cleanup_test_failover": {
        "Remove the test machine": "remove_machine",
        "Remove the test network": "remove_network",
        "Complete testing": "complete",
    },
    "failover": {
        "Prerequisites check": "check",
        "Shut down": "shut_down",
        "Stop replication": "stop_replication",
        "Failover": "failover",
        "Start": "start",
    },
    "planned_failover": {
        "Prerequisites check": "check",
        "Synchronize": "pre_copy",
        "Shut down": "shut_down",
        "Synchronize the last changes": "final_cycle",
        "Failover": "failover",
        "Start": "start",
    },
    "change_recovery_point": {
        "Prerequisites check": "check",
        "Shut down": "shut_down",
        "Start": "start",
    },
    "commit": {
        "Prerequisites check": "check",
        "Commit": "commit",
        "Remove the machine that was left": "remove_left",
        "Consolidate disks": "consolidate",
    },
    "cancel_failover": {
        "Prerequisites check": "check",
        "Remove the failed-over machine": "remove_failed_over",
        "Resume replication": "resume_replication",
        "Start": "start",
    },
    "reprotect": {
        "Prerequisites check": "check",
        "Shut down": "withdraw",
        "Create replica": "create_replica",
        "Reverse replication": "reverse_replication",
        "Synchronize": "synchronize",
    },
    "resynchronize": {
        "Start resynchronization": "start",
        "Resynchronization": "resynchronize",
    },
    "include_disk": {
        "Prerequisites check": "check",
        "Extend replica": "extend_replica",
        "Enable replication": "enable_replication",
        "Initial replication": "initial_replication",
    },
    "exclude_disk": {
        "Prerequisites check": "check",
        "Leave out at the source": "leave_out",
        "Release at the target": "release",
    },
    "several_machines": {"Machines": "machines"},
    "end_replication_later": {"Stop replication": "stop_replication"},
    "verify_point": {"Verify recovery point": "verify"},
}
"""Of each kind of job: the titles that the first release gave its steps, and the keys that they have now."""


def upgrade() -> None:
    op.add_column("job_tasks", sa.Column("title", sa.String(200), nullable=False, server_default=""))
    op.execute("UPDATE job_tasks SET title = CASE kind WHEN 'undo' THEN 'Undo: ' || name ELSE name END")
    op.execute("ALTER TABLE job_tasks RENAME COLUMN name TO key")
    jobs = sa.table("jobs", sa.column("id"), sa.column("name"))
    tasks = sa.table("job_tasks", sa.column("job_id"), sa.column("key"))
    for job, titles in OLD_TITLES.items():
        of_job = tasks.c.job_id.in_(sa.select(jobs.c.id).where(jobs.c.name == job))
        for title, key in titles.items():
            op.execute(sa.update(tasks).where(of_job, tasks.c.key == title).values(key=key))
