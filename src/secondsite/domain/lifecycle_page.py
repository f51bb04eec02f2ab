"""The lifecycle as a page for people, made from the table itself: `python -m
secondsite.domain.lifecycle_page`."""

import json

from . import lifecycle
from .lifecycle import DrillState, State


def render() -> str:
    """The markdown of docs/reference/lifecycle.md."""
    parts = [_INTRO, _transitions(), _allowed(), _moving(), _drill()]
    return "\n\n".join(parts) + "\n"


def render_allowed() -> str:
    """The text of docs/reference/lifecycle.json: the verbs that a person may start, by the machine's state
    and by that of its test failover."""
    allowed = {
        state: {drill: verbs for drill in DrillState if (verbs := lifecycle.allowed_operations(state, drill))}
        for state in State
    }
    return json.dumps({state: by_drill for state, by_drill in allowed.items() if by_drill}, indent=1) + "\n"


_INTRO = """# The lifecycle of a protected machine

This page is rendered from `src/secondsite/domain/lifecycle.py`; that table alone decides what is possible.
A state rests, or it moves: a job is in progress and owns the machine. Programs read what is possible in
[lifecycle.json](lifecycle.json): the verbs by state, and by the state of the test failover."""


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _transitions() -> str:
    rows = [
        [
            f"`{row.state}`",
            f"`{row.trigger}`",
            f"`{row.next}`" + (" (direction turns)" if row.turns else ""),
            row.by.value,
            row.source,
        ]
        for row in lifecycle.TABLE
    ]
    return "## Transitions\n\n" + _table(["state", "on", "next", "by", "where it comes from"], rows)


def _verbs(state: State, drill: DrillState = DrillState.NONE) -> str:
    allowed = lifecycle.allowed_operations(state, drill)
    return ", ".join(f"`{verb}`" for verb in allowed) or "nothing until the running job ends"


def _allowed() -> str:
    rows = [[f"`{state}`", _verbs(state)] for state in State]
    return "## What is possible\n\n" + _table(["state", "allowed operations"], rows)


def _moving() -> str:
    rows = [
        [
            f"`{state}`",
            f"`{way.target}`",
            f"`{way.on_failure}`",
            "back to " + " or ".join(f"`{each}`" for each in State if each in way.found_in)
            if way.found_in
            else "as any failure",
            "yes" if way.cancelable else "no",
        ]
        for state, way in lifecycle.MOVING.items()
    ]
    return (
        "## States that move\n\nDerived from the transitions. A job whose prerequisites check fails has "
        "touched nothing: the machine goes back.\n\n"
    ) + _table(["state", "leads to", "on failure", "if its check fails", "its job can be cancelled"], rows)


def _drill() -> str:
    rows = [
        [f"`{row.state}`", f"`{row.trigger}`", f"`{row.next}`", row.source] for row in lifecycle.DRILL_TABLE
    ]
    during = _verbs(State.PROTECTED, DrillState.RUNNING)
    return (
        "## Test failover, beside the lifecycle\n\n"
        + _table(["drill", "on", "next", "where it comes from"], rows)
        + f"\n\nA `protected` machine with an open test failover allows: {during}."
    )


if __name__ == "__main__":
    print(render(), end="")
