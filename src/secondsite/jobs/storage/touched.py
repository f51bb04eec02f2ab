"""Which jobs a transaction has changed, noted as it goes along."""

from sqlalchemy.orm import Session

KEY = "secondsite_jobs_touched"


def note(session: Session, job_id: str) -> None:
    """The job is changed by the session's transaction, or locked so that it can be."""
    session.info.setdefault(KEY, set()).add(job_id)


def noted(session: Session) -> frozenset[str]:
    """All that were noted."""
    return frozenset(session.info.get(KEY, ()))
