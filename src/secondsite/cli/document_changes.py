"""Changes, for people and for scripts."""

import json
from collections.abc import Sequence
from typing import Any

from ..client.documents import Action, Change, Prepared
from . import output

SIGN = {Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-"}
LONGEST = 100


def show(prepared: Prepared, *, would: str) -> None:
    """What has to change, what stands in the way, and what is to be known."""
    for change in prepared.changes:
        say(change)
    for each in prepared.notes:
        output.warn(f"note: {each}")
    for each in (*prepared.missing, *prepared.wrong):
        output.warn(f"in the way: {each}")
    output.say(f"{_counted(prepared.changes)} {would}" if prepared.changes else "nothing to change")


def say(change: Change, done: str = "") -> None:
    """The thing, and below it what becomes what."""
    where = "" if change.given is None else f"  ({change.given.file}:{change.given.value.line(())})"
    output.say(f"{SIGN[change.action]} {change.what}{done}{where}")
    if change.action is Action.DELETE:
        return
    for each in change.fields:
        if each.field not in ("kind", "name", "machine"):
            now = "" if change.action is Action.CREATE else f"{_short(each.now)} -> "
            output.say(f"    {each.field}: {now}{_short(each.wanted)}")


def plain(change: Change) -> dict[str, Any]:
    """For scripts."""
    return {
        "action": change.action.value,
        "kind": change.key[0],
        "name": " ".join(change.key[1:]),
        "file": None if change.given is None else change.given.file,
        "line": None if change.given is None else change.given.value.line(()),
        "fields": [{"field": each.field, "now": each.now, "wanted": each.wanted} for each in change.fields],
    }


def as_json(prepared: Prepared, done: bool = False) -> None:
    output.show_json(
        {
            "changes": [plain(each) for each in prepared.changes],
            "notes": list(prepared.notes),
            "in_the_way": [*prepared.missing, *prepared.wrong],
            "done": done,
        }
    )


def _counted(changes: Sequence[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"


def _short(value: object) -> str:
    text = (
        "none"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
