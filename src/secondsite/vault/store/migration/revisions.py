"""Which tables a database has, and which of them this program can upgrade to its own."""

from sqlalchemy import Connection, inspect, text

from ....domain import errors

NEWEST = "0069"
"""The revision of this program's tables."""
BASELINE = "0055"
"""The revision of the baseline, with which release 0.2.0 begins."""
RELEASED = "0005"
"""The revision of the release of 2026-11-20; programs between it and 0.2.0 left the revisions in between."""
LAST_BEFORE = "3b94123a"
"""The commit of the last program that upgrades those to the baseline, step by step."""
BRING_ON = (
    f"Install the last program before 0.2.0: 'git checkout {LAST_BEFORE}' in a copy of the repository, 'sudo "
    "deploy/install vault' there"
)


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def is_between(revision: str) -> bool:
    """Whether the revision is of an unreleased program before the baseline."""
    return revision.isdecimal() and revision < BASELINE and revision != RELEASED


def not_known(found: str) -> errors.NotPossibleNow:
    """The error for a database whose tables this program cannot upgrade to its own."""
    if is_between(found):
        return errors.NotPossibleNow(
            f"The vault's database is older than release 0.2.0: its tables are those of revision {found}, "
            f"and this program brings only those of the release of 2026-11-20 ({RELEASED}) and those since "
            f"0.2.0 ({BASELINE} to {NEWEST}) to its own.",
            do=f"{BRING_ON}, and start the vault once. Then install this release again.",
        )
    return errors.NotPossibleNow(
        f"A newer release has changed the vault's database: its tables are those of revision {found}, and "
        f"this program knows them up to {NEWEST}.",
        do="Upgrade this vault process to the release of the others, then start it.",
    )
