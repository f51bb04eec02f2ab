"""Finds the point that was asked for."""

from __future__ import annotations

from collections.abc import Callable

from .problems import Problem
from .store import Point, Replica

LATEST, APP, VERIFIED = "latest", "latest-app-consistent", "latest-verified"
PROVEN = ("booted", "application")


def chosen(replica: Replica, wanted: str) -> Point:
    """The point to start from; raises Problem. If the machine was started from a point already, it stays that
    one: overlays stand on it."""
    run = replica.run
    if run is not None:
        return _of_run(replica, str(run["point_id"]), wanted)
    found = [point for point in replica.points if _fits(point, wanted)]
    whole = [point for point in found if not point.problem]
    if whole:
        return whole[-1]
    if found:
        raise Problem(
            f"{found[-1].id} of {replica.name} cannot be used: {found[-1].problem}.",
            "Choose another point.",
        )
    raise _none(replica, wanted)


def fitting(replica: Replica, wanted: str) -> list[Point]:
    """All points that fit, newest first; raises Problem if none does."""
    found = [point for point in reversed(replica.points) if _fits(point, wanted)]
    if not found:
        raise _none(replica, wanted)
    return found


def whole(replica: Replica, wanted: str, problem_of: Callable[[Point], str]) -> tuple[Point, str]:
    """As `chosen`, but only a point whose files are whole; and the end of a sentence, which names a newer
    point that cannot be used."""
    first = chosen(replica, wanted)
    if replica.run is not None:
        return first, ""
    problems: dict[str, str] = {}
    for point in fitting(replica, wanted):
        problem = point.problem or problem_of(point)
        if not problem:
            return point, "".join(
                f"; {each} is newer, and cannot be used: {why}" for each, why in problems.items()
            )
        problems[point.id] = problem
    raise Problem(
        f"{first.id} of {replica.name} cannot be used: {problems[first.id]}.",
        f"See what there is: 'points {replica.typed}'; choose another point.",
    )


def _none(replica: Replica, wanted: str) -> Problem:
    named = wanted not in (LATEST, APP, VERIFIED)
    what = f"no recovery point '{wanted}'" if named else f"no point for '{wanted}'"
    return Problem(f"{replica.name} has {what}.", f"See what there is: 'points {replica.typed}'.")


def _of_run(replica: Replica, point_id: str, wanted: str) -> Point:
    if wanted not in (LATEST, point_id):
        raise Problem(
            f"{replica.name} was started from {point_id} already, and has written since.",
            (
                f"Start it again without --point; or give up what it wrote: 'discard {replica.typed}', and "
                "start it from the other."
            ),
        )
    return replica.point(point_id)


def _fits(point: Point, wanted: str) -> bool:
    if wanted == APP:
        return point.consistency == "app"
    if wanted == VERIFIED:
        return point.grade in PROVEN
    return wanted in (LATEST, point.id)
