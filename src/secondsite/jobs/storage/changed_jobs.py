"""Which jobs a transaction has changed, noted while it runs."""

from collections import Counter

from sqlalchemy.orm import Session

KEY = "secondsite_jobs_touched"


def note(session: Session, job_id: str) -> None:
    """The job is changed by the session's transaction, or locked so that it can be."""
    session.info.setdefault(KEY, Counter())[job_id] += 1


def noted(session: Session) -> frozenset[str]:
    """The ids of all jobs that were noted."""
    return frozenset(session.info.get(KEY, ()))


def times(session: Session, job_id: str) -> int:
    """How often the job was noted: the same as long as no other work of the transaction has come to it."""
    found: Counter[str] = session.info.get(KEY, Counter())
    return found[job_id]
