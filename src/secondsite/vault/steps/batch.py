"""One job for several machines: its children are the machines' own jobs."""

from pydantic import BaseModel, JsonValue, RootModel

from ...domain.lifecycle import Verb
from ...ground.units import DAY
from ...jobs.model.context import Child, StepContext
from ...jobs.model.definitions import Children, Definition, Step
from ...jobs.model.facts import to_json
from ...jobs.model.outcomes import Outcome
from ...wire.common.base import Shape

BATCH = "several_machines"


class Unread(RootModel[dict[str, JsonValue]]):
    """The arguments of a child, handed on as they are."""


class BatchChild(Shape):
    """The job of one machine."""

    verb: Verb
    machine_id: str
    name: str
    arguments: Unread


class BatchArguments(Shape):
    """One verb for several machines."""

    verb: Verb
    children: tuple[BatchChild, ...]


def child(verb: Verb, machine_id: str, name: str, arguments: BaseModel | None) -> BatchChild:
    return BatchChild(verb=verb, machine_id=machine_id, name=name, arguments=Unread(to_json(arguments)))


def _run_children(ctx: StepContext) -> Outcome:
    children = [
        Child(each.verb.value, each.machine_id, each.name, each.arguments)
        for each in ctx.arguments(BatchArguments).children
    ]
    return ctx.run_children(children, deadline_seconds=30 * DAY)


def definition() -> Definition:
    """Goes on to the end even if machines fail, and then says how many did (S-136)."""
    step = Step("machines", _run_children, title="Machines")
    return Definition(BATCH, (step,), cancelable=False, children=Children.ANY)
