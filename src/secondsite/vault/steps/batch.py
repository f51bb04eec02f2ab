"""One job for several machines: its children are the machines' own jobs."""

from collections.abc import Mapping
from typing import Any

from ...domain.lifecycle import Verb
from ...domain.units import DAY
from ...jobs.context import Child, StepContext
from ...jobs.definitions import Children, Definition, Step
from ...jobs.outcomes import Outcome

BATCH = "several_machines"


def child_arguments(verb: Verb, machine_id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"verb": verb.value, "machine_id": machine_id, "name": name, "arguments": dict(arguments)}


def _run_children(ctx: StepContext) -> Outcome:
    children = [
        Child(each["verb"], each["machine_id"], each["name"], each["arguments"])
        for each in ctx.arguments["children"]
    ]
    return ctx.run_children(children, deadline_seconds=30 * DAY)


def definition() -> Definition:
    """Goes on to the end even if machines fail, and then says how many did (document 002 L62)."""
    return Definition(BATCH, (Step("Machines", _run_children),), cancelable=False, children=Children.ANY)
