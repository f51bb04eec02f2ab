"""A preview of a plan's run with the times that its machines will take: their histories are read at once."""

from collections.abc import Iterator, Mapping

from ....domain.prediction.predicting import LIKE, Prediction
from ....wire import rest
from ...steps.histories import Histories
from ...store import Transaction
from ..shared import predictions


def with_times(tx: Transaction, shown: rest.PlanPreview, goal_seconds: int) -> rest.PlanPreview:
    """Unchanged for a verb that is not predicted. `goal_seconds`: the plan's; 0: it has none."""
    if shown.verb not in LIKE:
        return shown
    ids = [machine.id for group in shown.groups for machine in group.machines]
    records = tx.machines.several(ids)
    histories = Histories.read(tx, records, LIKE[shown.verb])
    delays = {
        each.id: each.second_site.start_delay_seconds or 0
        for group in shown.groups
        for each in group.machines
    }
    found = {each.id: histories.predict(shown.verb, each).later(delays[each.id]) for each in records}
    actions = [(each, group) for group in shown.groups for each in (*group.before, *group.after)]
    scripts = sum(each in group.scripts for each, group in actions)
    times = [[found[each.id] for each in group.machines] for group in shown.groups]
    return shown.model_copy(
        update={
            "groups": tuple(_groups(shown, found)),
            "predicted": predictions.of_plan(times, len(actions) - scripts, scripts).model_copy(
                update={"goal_seconds": goal_seconds or None}
            ),
        }
    )


def _groups(shown: rest.PlanPreview, found: Mapping[str, Prediction]) -> Iterator[rest.PlanPreviewGroup]:
    for group in shown.groups:
        machines = tuple(_machine(each, found[each.id]) for each in group.machines)
        yield group.model_copy(update={"machines": machines})


def _machine(shown: rest.PlanPreviewMachine, found: Prediction) -> rest.PlanPreviewMachine:
    times = {
        "predicted_seconds": predictions.rounded(found.seconds),
        "predicted_downtime_seconds": predictions.rounded(found.downtime),
    }
    return shown.model_copy(update=times)
