"""The definitions of this program's jobs, and the steps of jobs whose steps follow from their arguments."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime

import structlog

from .definitions import Definition
from .failures import Refused
from .views import JobView

MOST_KEPT = 256
"""The most jobs for which steps made from arguments are kept: each move needs them."""
log = structlog.get_logger(__name__)


class Catalogue:
    """The definitions of this program, by name. Safe from any thread."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._definitions = {definition.name: definition for definition in definitions}
        self._made: OrderedDict[tuple[str, datetime], Definition] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Definition:
        """The definition; raises Refused with code "unknown-verb"."""
        definition = self._definitions.get(name)
        if definition is None:
            known = ", ".join(sorted(self._definitions))
            raise Refused("unknown-verb", f"There is no job named {name}", f"Use one of: {known}")
        return definition

    def find(self, job: JobView) -> Definition | None:
        """The job's definition, with its steps; without steps if they can no longer be made from its
        arguments. None for an unknown kind of job."""
        definition = self._definitions.get(job.name)
        if definition is None or definition.steps_of is None:
            return definition
        return self._kept(job) or self._keep(job, _made_for(job, definition))

    def of(self, job: JobView) -> Definition:
        """As `find`; raises as `get` for an unknown kind of job."""
        return self.find(job) or self.get(job.name)

    def _kept(self, job: JobView) -> Definition | None:
        """The cached definition of the job: its arguments never change."""
        with self._lock:
            return self._made.get((job.id, job.created_at))

    def _keep(self, job: JobView, made: Definition) -> Definition:
        with self._lock:
            self._made[job.id, job.created_at] = made
            if len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return made


def _made_for(job: JobView, definition: Definition) -> Definition:
    try:
        return definition.made_for(job.arguments)
    except Exception as problem:  # what another release has written must not stop a list, nor a worker
        log.warning("job.steps-not-made", job=job.id, kind=job.name, exc_info=problem)
        return definition
