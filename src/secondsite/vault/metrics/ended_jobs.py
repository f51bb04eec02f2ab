"""How many jobs ended, and how, since this process began to count."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from ...domain.lifecycle import Verb
from ...ground.job_states import ENDED
from ...jobs.storage import read
from ...jobs.storage.database import Session

SETTLED = timedelta(seconds=5)
"""An end may be written with a time of some moments ago."""


class EndedJobs:
    """Reads at each call only what has ended since the last one. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # At zero from the start: what appears with a 1 is no increase to who reads it.
        self._counts = Counter({(verb.value, state.value): 0 for verb in Verb for state in sorted(ENDED)})
        self._until: datetime | None = None

    def count(self, session: Session, now: datetime) -> Mapping[tuple[str, str], int]:
        """By the name of the job and the state in which it ended."""
        with self._lock:
            until = now - SETTLED
            if self._until is not None and self._until < until:
                self._counts.update(read.count_ended(session, self._until, until))
            self._until = until  # also after the clock was set back
            return dict(self._counts)
