"""Prints tables and sentences."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from . import owners
from .comparing.verifying import Comparison
from .problems import Problem
from .running import looking
from .store import Point, Replica
from .store_notes import now
from .terminal_text import one_line

NONE = "-"
PROGRESS_SECONDS = 5.0


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are as wide as their widest text."""
    shown = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]
    return "\n".join(lines)


def instant(taken_at: str) -> str:
    """The time for people, in UTC; a text that is no time stays as it is."""
    try:
        at = datetime.fromisoformat(taken_at)
    except ValueError:
        return taken_at
    return f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%SZ}" if at.tzinfo else taken_at  # noqa: UP017 Python 3.9 has no datetime.UTC


def machine(replica: Replica) -> dict[str, Any]:
    """What is known of a machine, for tables and JSON."""
    whole = [point for point in replica.points if not point.problem]
    verified = [point for point in whole if point.grade in ("booted", "application")]
    newest = whole[-1] if whole else None
    return {
        "machine": replica.name,
        "id": replica.id,
        "store": str(replica.store),
        "points": len(replica.points),
        "newest_point": newest.id if newest else None,
        "taken_at": newest.taken_at if newest else None,
        "newest_verified": verified[-1].id if verified else None,
        "data_until": replica.record.get("processed_taken_at"),
        "encrypted_with": replica.key_id,
        "started_from": str(replica.run["point_id"]) if replica.run else None,
        "runs_by": _runs_by(replica),
        "protection_ended": replica.ended_at,
        "taken_over_by": owners.taken_by(replica),
    }


def machines(found: Sequence[dict[str, Any]], *, stores: bool = False) -> str:
    """A table of machines; with several `stores` it shows the store of each, and ids if a name is not unique:
    a machine of such a name is given by its id."""
    named = [each["machine"] for each in found]
    ids = len(named) != len(set(named))
    rows = [
        [
            each["machine"], *_id(each, ids),
            str(each["points"]), each["newest_point"] or NONE, age(each["taken_at"]),
            each["newest_verified"] or NONE,
            each["encrypted_with"] or "no", _state(each), *_store(each, stores),
        ]
        for each in found
    ]  # fmt: skip
    head = ["points", "newest", "age", "newest verified", "encrypted", "state"]
    named_by = ["machine", "id"] if ids else ["machine"]
    return table([*named_by, *head, *(["store"] if stores else [])], rows)


def _id(each: dict[str, Any], ids: bool) -> list[str]:
    return [each["id"]] if ids else []


def _store(each: dict[str, Any], stores: bool) -> list[str]:
    return [each["store"]] if stores else []


def point(found: Point) -> dict[str, Any]:
    return {
        "point": found.id,
        "taken_at": found.taken_at,
        "consistency": found.consistency,
        "grade": found.grade or "sent",
        "disks": sorted(found.disks),
        "held": found.held or None,
        "problem": found.problem or None,
    }


def points(found: Sequence[dict[str, Any]]) -> str:
    """A table of points, newest first."""
    rows = [
        [
            each["point"],
            instant(each["taken_at"]),
            age(each["taken_at"]),
            each["consistency"],
            each["grade"],
            ", ".join(each["disks"]),
            each["held"] or NONE,
            each["problem"] or NONE,
        ]
        for each in reversed(found)
    ]
    return table(["point", "taken at", "age", "consistency", "grade", "disks", "held", "problem"], rows)


def verdict(replica: Replica, found: Point, comparison: Comparison) -> dict[str, Any]:
    """The result of comparing a point, for tables and JSON."""
    return {
        "machine": replica.name,
        "store": str(replica.store),
        "point": found.id,
        "taken_at": found.taken_at,
        "compared": sorted(comparison.compared),
        "not_compared": list(comparison.left),
        "read_bytes": comparison.read_bytes,
        "problem": comparison.problem or None,
    }


def verdicts(found: Sequence[dict[str, Any]], *, stores: bool = False) -> str:
    rows = [
        [each["machine"], each["point"], instant(each["taken_at"]), *_store(each, stores), _result(each)]
        for each in found
    ]
    return table(["machine", "point", "taken at", *(["store"] if stores else []), "result"], rows)


def _result(each: dict[str, Any]) -> str:
    if each["problem"]:
        return f"NOT WHOLE: {each['problem']}"
    left = f"not compared: {', '.join(each['not_compared'])}" if each["not_compared"] else ""
    same = f"whole: {', '.join(each['compared'])} as sealed" if each["compared"] else "its files are there"
    return f"{same}; {left}" if left else same


def progress() -> Callable[[str, int, int], None]:
    """A function that reports on standard error, now and then, how far a disk was read."""
    said_at = time.monotonic()

    def told(disk: str, done: int, size: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            said_at = time.monotonic()
            print(f"{one_line(disk)}: {done / 1e9:.1f} of {size / 1e9:.1f} GB", file=sys.stderr, flush=True)

    return told


def plans(found: Sequence[dict[str, Any]]) -> str:
    rows = []
    for plan in found:
        groups = [
            ", ".join(str(each.get("name")) for each in group.get("machines") or ())
            for group in plan.get("groups") or ()
        ]
        rows.append([str(plan.get("name")), "; then ".join(groups)])
    return table(["plan", "starts"], rows) if rows else "No plan is known here."


def age(instant: str | None) -> str:
    """How long ago the instant was, by this host's clock."""
    if not instant:
        return NONE
    try:
        seconds = (now() - datetime.fromisoformat(instant.replace("Z", "+00:00"))).total_seconds()
    except ValueError:
        return NONE
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _runs_by(replica: Replica) -> str | None:
    """What runs the machine; None if QEMU's programs, which tell it, are not here."""
    try:
        return looking.running(replica)
    except Problem:
        return "unknown"


def _state(each: dict[str, Any]) -> str:
    ended = f"; protection ended {instant(each['protection_ended'])}" if each["protection_ended"] else ""
    taken = f"; taken over by appliance {each['taken_over_by']}" if each["taken_over_by"] else ""
    return f"{_power(each)}{ended}{taken}"


def _power(each: dict[str, Any]) -> str:
    if each["runs_by"]:
        return f"runs ({each['runs_by']})"
    return f"was started from {each['started_from']}, is off" if each["started_from"] else "not started"
