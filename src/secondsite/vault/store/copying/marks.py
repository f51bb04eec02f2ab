"""Marks a restored copy: without a vault's mark, leases and claims."""

import secrets

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ....jobs.storage import lease
from ....jobs.storage.tables import engines, jobs
from ..lineage import LINEAGE


def show_restored(session: Session) -> None:
    """Make every vault process of this database hold its jobs at its next start. The number that appliances
    were told stays."""
    session.execute(update(LINEAGE).values(mark=secrets.token_hex(8)))
    session.execute(update(engines).values(epoch=engines.c.epoch + 1, expires_at=lease.database_now(session)))
    held = update(jobs).where(jobs.c.claim_owner.is_not(None))
    session.execute(held.values(claim_owner=None, claim_epoch=jobs.c.claim_epoch + 1))


def is_served(session: Session, owner: str) -> bool:
    """Whether an engine of this name is alive."""
    alive = select(engines.c.owner).where(
        engines.c.owner == owner, engines.c.expires_at > lease.database_now(session)
    )
    return session.execute(alive).first() is not None
