"""A verb written down: its steps from top to bottom, and what the domain does when the job starts and ends."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from .context import StepFunction
from .facts import Json
from .failures import Refused
from .views import JobView

Hook = Callable[[Session, JobView], None]


class Children(enum.Enum):
    """When a step with children has succeeded, once all of them have ended.

    ALL: every child succeeded, else the step fails. ANY: at least one did; if not all, the job ends as
    partially succeeded.
    """

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `key` is durable: it names the step in the journal, and is compared after an upgrade. `title` is what
    people see, and may be reworded; by default it is the key.

    `undo` undoes the step when the job is cancelled (or fails, where the definition says so). It runs for a step that
    succeeded or that a cancel interrupted, and with `undo_after_failure` also when the step itself failed, so it must
    look before it acts. `cancelable`: a cancel may be honoured before this step starts and while it waits. `begins` runs in
    the transaction in which the step begins, also when it begins anew. `skipped` says why there is nothing to do for a job with such
    arguments, None if there is: the step does not begin then.
    """

    key: str
    run: StepFunction
    title: str = ""
    undo: StepFunction | None = None
    cancelable: bool = True
    undo_after_failure: bool = False
    begins: Hook | None = None
    skipped: Callable[[Json], str | None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.key)


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind of job.

    Hooks run in the transaction that records the start or the end, so the domain's state and the job's never
    disagree. `on_retry` may refuse a retry by raising Refused, before anything is written. `on_start` runs at the start of
    every attempt. `on_success` also runs for a partial success; the view says which it is. A hook that raises turns the end into a failure.
    """

    name: str
    steps: tuple[Step, ...]
    cancelable: bool = True
    undo_on_failure: bool = False
    children: Children = Children.ALL
    on_retry: Hook | None = None
    on_start: Hook | None = None
    on_success: Hook | None = None
    on_failure: Hook | None = None
    on_cancelled: Hook | None = None

    def __post_init__(self) -> None:
        keys = [step.key for step in self.steps]
        if not keys or len(set(keys)) != len(keys):
            raise ValueError(f"definition {self.name}: steps need unique keys, got {keys}")


class Catalogue:
    """The definitions of this program, by name."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._definitions = {definition.name: definition for definition in definitions}

    def find(self, name: str) -> Definition | None:
        return self._definitions.get(name)

    def get(self, name: str) -> Definition:
        """The definition; raises Refused with code "unknown-verb"."""
        definition = self.find(name)
        if definition is None:
            known = ", ".join(sorted(self._definitions))
            raise Refused("unknown-verb", f"There is no job named {name}", f"Use one of: {known}")
        return definition
