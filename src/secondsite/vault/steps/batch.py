"""One job for several machines: its children are the machines' own jobs."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, JsonValue, RootModel

from ...domain import lifecycle
from ...domain.lifecycle import Verb
from ...domain.plans.run_selection import listed
from ...ground.units import DAY
from ...jobs.model.context import Child, StepContext
from ...jobs.model.definitions import Children, Definition, Step
from ...jobs.model.facts import to_json
from ...jobs.model.outcomes import Done, Outcome
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ...wire.common.base import Shape

BATCH = "several_machines"
DEADLINE_SECONDS = 30 * DAY


class Unread(RootModel[dict[str, JsonValue]]):
    """The arguments of a child, passed on unchanged."""


class BatchChild(Shape):
    """The job of one machine."""

    verb: Verb
    machine_id: str
    name: str
    arguments: Unread
    asked_at: int | None = None
    """The machine's generation when the batch was submitted; None: it has no record yet, or the batch is an
    older vault's."""
    job: str | None = None
    """The name of the job; None: the verb's."""

    def given(self, **more: JsonValue) -> "BatchChild":
        """The child with these arguments as well."""
        return self.model_copy(update={"arguments": Unread({**self.arguments.root, **more})})


class BatchArguments(Shape):
    """One verb for several machines."""

    verb: Verb
    children: tuple[BatchChild, ...]
    left_out: tuple[str, ...] = ()
    """Names of machines that were named too, but would go in the other direction."""
    warnings: tuple[str, ...] = ()
    """Warnings that the job's result repeats."""


def child(
    verb: Verb, machine_id: str, name: str, arguments: BaseModel | None, asked_at: int | None = None
) -> BatchChild:
    body = Unread(to_json(arguments))
    return BatchChild(verb=verb, machine_id=machine_id, name=name, arguments=body, asked_at=asked_at)


ASKED_AT = "asked_at_generation"
"""The key of `asked_at` among the arguments of a machine's job."""


def asked_at(session: Session, job: JobView) -> int | None:
    """The generation that the job's machine had when its batch was submitted; None for a job outside a
    batch."""
    if ASKED_AT in job.arguments:
        known = job.arguments[ASKED_AT]
        return known if isinstance(known, int) else None
    return _said_by_batch(session, job)


def _said_by_batch(session: Session, job: JobView) -> int | None:
    """For batches of an older vault, which wrote it only into the arguments of the whole batch."""
    parent = None if job.parent_job_id is None else read.find(session, job.parent_job_id)
    if parent is None or parent.name != BATCH:
        return None
    children = BatchArguments.model_validate(parent.arguments).children
    return next((each.asked_at for each in children if each.machine_id == job.subject), None)


def _run_children(ctx: StepContext) -> Outcome:
    done = ctx.run_children(
        lambda: list(map(as_job, ctx.arguments(BatchArguments).children)), deadline_seconds=DEADLINE_SECONDS
    )
    asked = ctx.arguments(BatchArguments)
    if not isinstance(done, Done):
        return done
    said = done.sentence + "".join(f"; {each}" for each in asked.warnings)
    if asked.left_out:
        said += f"; left out, since they would go the other way: {listed(asked.left_out, ', ')}"
    return replace(done, sentence=said, partial=done.partial or bool(asked.warnings))


def as_job(child: BatchChild) -> Child:
    """The child as a job of that machine."""
    arguments = Unread({**child.arguments.root, ASKED_AT: child.asked_at})
    return Child(child.job or child.verb.value, child.machine_id, child.name, arguments)


def definition() -> Definition:
    """The definition. The job goes on to the end even if machines fail, and then says how many did (S-136).
    It may be cancelled if its machines' jobs may; machines that are done stay done."""
    step = Step("machines", _run_children, title="Machines")
    return Definition(
        BATCH,
        cancelable=False,
        children=Children.ANY,
        steps_of=lambda _: (step,),
        cancelable_of=_may_be_cancelled,
    )


def _may_be_cancelled(arguments: Mapping[str, JsonValue]) -> bool:
    return arguments.get("verb") in lifecycle.CANCELABLE
