"""Starts the machines of a recovery plan in its order, and asks the person at the terminal for actions in
between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .problems import Problem
from .store import Store

UNPLANNED = "unplanned"
Said = Callable[[str], None]
Asked = Callable[[str], bool]
"""Asks a person about an action; returns whether it is done."""


def known(store: Store) -> list[dict[str, Any]]:
    """The recovery plans, as the vault last sent them; raises Problem."""
    return list(store.configuration().get("plans") or ())


def find(store: Store, name: str) -> dict[str, Any]:
    """The plan of this name; raises Problem."""
    plans = known(store)
    for plan in plans:
        if plan.get("name") == name:
            return plan
    listed = ", ".join(str(plan.get("name")) for plan in plans)
    raise Problem(
        f"No plan '{name}' is known here.",
        f"There is {listed}." if listed else "Start machine by machine: 'start'.",
    )


def run(plan: Mapping[str, Any], start: Callable[[str], str], say: Said, ask: Asked) -> list[str]:
    """Starts its machines group by group; returns those that did not start, in words. As in an unplanned
    failover a machine that fails keeps no other from being started. Raises Problem when a person says that a
    step failed."""
    failed: list[str] = []
    groups = list(plan.get("groups") or ())
    for number, group in enumerate(groups, start=1):
        say(f"group {number} of {len(groups)}")
        _steps(group.get("before"), ask)
        for machine in group.get("machines") or ():
            try:
                say(f"  {start(str(machine['id']))}")
            except (Problem, OSError) as problem:
                failed.append(f"{machine.get('name')}: {_why(problem)}")
                say(f"  FAILED {failed[-1]}")
        _steps(group.get("after"), ask)
    return failed


def asked_first(plan: Mapping[str, Any]) -> str | None:
    """The name of the first action that a person will be asked about; None: nobody will be asked."""
    groups = plan.get("groups") or ()
    actions = (
        each for group in groups for when in ("before", "after") for each in _due(group.get(when) or ())
    )
    return next((str(each.get("name")) for each in actions), None)


def _why(problem: Problem | OSError) -> str:
    """Why a machine did not start, in words. An error of its disk keeps no other machine from being
    started."""
    if isinstance(problem, OSError):
        return f"{problem.filename or 'A file'}: {problem.strerror}."
    return f"{problem.what} {problem.do}".strip()


def _steps(actions: Sequence[Mapping[str, Any]] | None, ask: Asked) -> None:
    for action in _due(actions or ()):
        script = action.get("script")
        where = (
            f"in the guest {action['guest']}"
            if action.get("guest")
            else "from the script folder of this site"
        )
        told = f"run the script '{script}' {where}" if script else str(action.get("instruction"))
        if not ask(f"  {action.get('name')}: {told}"):
            raise Problem(
                f"'{action.get('name')}' was not done, so the plan ends here.",
                "Run it again: machines that run are left as they are.",
            )


def _due(actions: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The actions for an unplanned failover. The store does not tell in which direction the machines move, so
    actions for only one direction are included."""
    return (action for action in actions if UNPLANNED in (action.get("kinds") or (UNPLANNED,)))
