"""Challenges that a security key has to answer, each once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, Index, String, Table, delete, insert, select
from sqlalchemy.orm import Session

from ..sql import rows
from ..sql.columns import UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class KeyChallenge:
    """A challenge for one person's keys. `is_new`: for a key that the person adds, not one that is there."""

    challenge_sha256: str
    person_id: str
    is_new: bool
    until: datetime


KEY_CHALLENGES = Table(
    "key_challenges",
    metadata,
    Column("challenge_sha256", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("is_new", Boolean, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Index("ix_key_challenges_person_id", "person_id"),
)


class KeyChallenges:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: KeyChallenge, most: int) -> None:
        """Add it; of more than `most` of the person the oldest go."""
        theirs = KEY_CHALLENGES.c.person_id == record.person_id
        newest = (
            select(KEY_CHALLENGES.c.challenge_sha256).where(theirs).order_by(KEY_CHALLENGES.c.until.desc())
        )
        beyond = self._session.execute(newest.offset(most - 1)).scalars().all()
        self._session.execute(delete(KEY_CHALLENGES).where(KEY_CHALLENGES.c.challenge_sha256.in_(beyond)))
        self._session.execute(insert(KEY_CHALLENGES).values(**rows.row(record)))

    def take(self, challenge_sha256: str) -> KeyChallenge | None:
        """The challenge, which counts no more."""
        this = KEY_CHALLENGES.c.challenge_sha256 == challenge_sha256
        found = rows.one(self._session, KeyChallenge, select(KEY_CHALLENGES).where(this).with_for_update())
        removed = self._session.execute(delete(KEY_CHALLENGES).where(this)).rowcount  # type: ignore[attr-defined]
        return found if removed else None

    def forget(self, now: datetime) -> None:
        """Forget those whose time is over."""
        self._session.execute(delete(KEY_CHALLENGES).where(KEY_CHALLENGES.c.until <= now))
