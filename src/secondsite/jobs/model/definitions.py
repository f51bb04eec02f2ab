"""The definition of a job: its steps from top to bottom, and the domain's hooks at its start and end."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from .context import StepFunction
from .facts import Json
from .views import JobView

Hook = Callable[[Session, JobView], None]


TURN_TO = "turn_to_"
"""The prefix of the keys of steps that wait for a turn."""


class Children(enum.Enum):
    """When a step succeeds whose children have all ended.

    ALL: every child succeeded, else the step fails. ANY: at least one did. SOME: the step always succeeds.
    With ANY and SOME the job ends as partially succeeded if not all children did.
    """

    ALL = "all"
    ANY = "any"
    SOME = "some"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `key` is durable: it names the step in the journal, and is compared after an upgrade. `title`
    is what people see, and may be reworded; by default it is the key.

    `undo` undoes the step when the job is cancelled (or fails, where the definition says so). It runs for a
    step that succeeded or that a cancel interrupted, and with `undo_after_failure` also when the step itself
    failed, so it must look before it acts. `cancelable`: a cancel may be honoured before this step starts and
    while it waits; `boundary`: before it starts, and no longer once it has. `begins` runs in the transaction
    in which the step begins, also when it begins anew. `skipped` says why there is nothing to do for a job
    with such arguments, None if there is: the step does not begin then. `children` judges the children of
    this step in place of the definition's policy.
    """

    key: str
    run: StepFunction
    title: str = ""
    undo: StepFunction | None = None
    cancelable: bool = True
    boundary: bool = False
    undo_after_failure: bool = False
    begins: Hook | None = None
    skipped: Callable[[Json], str | None] | None = None
    children: Children | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.key)

    @property
    def awaits_turn(self) -> bool:
        """Whether the step waits for another job to let it go on. It takes no worker meanwhile, and it
        notices itself when its job is cancelled."""
        return self.key.startswith(TURN_TO)

    def honours_cancel(self, *, has_begun: bool) -> bool:
        """Whether a cancel of the job is honoured at this step."""
        return self.cancelable or (self.boundary and not has_begun)


StepsOf = Callable[[Json], Sequence[Step]]


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind of job.

    Its steps are always the same, or `steps_of` a job's arguments. The same arguments have to give the same
    keys in every later release, since jobs that are under way are compared with them: what makes the steps
    may only append.

    Hooks run in the transaction that records the start or the end, so the domain's state and the job's never
    disagree. `on_retry` may refuse a retry by raising Refused, before anything is written. `over_again`: a
    retry begins with the first step, since what an earlier attempt found may no longer be true; else it
    repeats only what did not succeed. `on_start` runs at the start of every attempt. `on_success` also runs
    for a partial success; the view says which it is. A hook that raises turns the end into a failure.
    """

    name: str
    steps: tuple[Step, ...] = ()
    cancelable: bool = True
    undo_on_failure: bool = False
    over_again: bool = False
    children: Children = Children.ALL
    on_retry: Hook | None = None
    on_start: Hook | None = None
    on_success: Hook | None = None
    on_failure: Hook | None = None
    on_cancelled: Hook | None = None
    steps_of: StepsOf | None = None
    cancelable_of: Callable[[Json], bool] | None = None
    """With `steps_of`: whether a job with these arguments is `cancelable`."""

    def __post_init__(self) -> None:
        keys = [step.key for step in self.steps]
        if bool(keys) is (self.steps_of is not None) or len(set(keys)) != len(keys):
            raise ValueError(f"definition {self.name}: steps need unique keys, got {keys}")

    def made_for(self, arguments: Json) -> "Definition":
        """The definition with the steps of a job that has these arguments; raises what `steps_of` raises,
        ValueError for keys that are not unique."""
        if self.steps_of is None:
            return self
        cancelable = self.cancelable if self.cancelable_of is None else self.cancelable_of(arguments)
        return replace(
            self,
            steps=tuple(self.steps_of(arguments)),
            cancelable=cancelable,
            steps_of=None,
            cancelable_of=None,
        )

    def policy_of(self, position: int) -> Children:
        """The policy for the children of the step at this position."""
        return self.steps[position].children or self.children
