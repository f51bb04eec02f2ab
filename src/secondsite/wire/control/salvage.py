"""What can be kept of a status in which something is malformed: the other machines' part. And what an appliance can say of one.

One machine with an odd name, size or time must not make the vault deaf to all that the appliance says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pydantic

from ...domain import errors
from ..common.base import Problem
from .changes import LONGEST_ID, ReplicaChange, ReplicaFigures, SourceFigures
from .messages import MOST_MACHINES, Report, Status
from .statuses import OldCopyStatus, ReplicaStatus, SourceStatus

_PARTS: Final[dict[str, type[pydantic.BaseModel]]] = {
    "sources": SourceStatus,
    "replicas": ReplicaStatus,
    "old_copies": OldCopyStatus,
    "source_figures": SourceFigures,
    "replica_figures": ReplicaFigures,
    "replica_changes": ReplicaChange,
}
_GONE: Final[dict[str, str]] = {
    "sources": "sources_gone",
    "source_figures": "sources_gone",
    "replicas": "replicas_gone",
    "replica_figures": "replicas_gone",
    "replica_changes": "replicas_gone",
}
"""Where it is said that what was told of a machine holds no more."""

UPGRADE = "Upgrade vault and appliance to the same release. If they are, look at the appliance: it may be in other hands."
_MOST_NAMED = 5
_MOST_ODD = 1000
_MOST_OF_A_NAME = 64


def without_malformed(text: str | bytes) -> tuple[Status, str]:
    """The status without the machines that are malformed in it, and a sentence about those. Raises ValueError for anything that is
    no such status."""
    said = _parsed(text)
    if not isinstance(said, dict) or said.get("type") != "status":
        raise ValueError("no status")
    dropped: list[str] = []
    for part, shape in _PARTS.items():
        machines = said.get(part, [])
        if not isinstance(machines, list) or len(machines) > MOST_MACHINES:
            raise ValueError(f"{part} is no list, or a longer one than there are machines")
        said[part], odd = _parted(shape, machines, dropped)
        _say_gone(said, part, odd)
    status = sayable(said, dropped)
    return status, status.unsaid


def sayable(fields: Mapping[str, Any], dropped: Sequence[str] = ()) -> Status:
    """The status of these fields, without the values that no status has: which, it says, with what was `dropped` before. Raises ValueError
    for too many."""
    said, left = dict(fields), list(dropped)
    while len(left) <= _MOST_ODD:
        unsaid = {"unsaid": f"left out {len(left)}: {'; '.join(left[:_MOST_NAMED])}"} if left else {}
        try:
            return Status.model_validate({**said, **unsaid})
        except pydantic.ValidationError as problem:
            _leave_out(said, problem, left)
    raise ValueError(f"more than {_MOST_ODD} values are malformed in it")


def _leave_out(said: dict[str, Any], problem: pydantic.ValidationError, left: list[str]) -> None:
    """Entries of objects and of lists; else the fields."""
    odd: dict[str, set[int | str]] = {}
    for wrong in problem.errors(include_url=False, include_input=False, include_context=False):
        field, *inside = wrong["loc"]
        odd.setdefault(str(field), set()).update(inside[:1])
        left.append(
            f"{str(inside[0])[:_MOST_OF_A_NAME]!r} {field}: {wrong['msg']}"
            if inside
            else f"{field}: {wrong['msg']}"
        )
    for field, entries in odd.items():
        there = said.pop(field, None)
        if entries and isinstance(there, Mapping):
            said[field] = {key: each for key, each in there.items() if key not in entries}
        elif entries and isinstance(there, list | tuple):
            said[field] = [each for at, each in enumerate(there) if at not in entries]


def failed_report(text: str | bytes, why: str) -> Report | None:
    """The report of an order that nobody can read, as one that failed: its step would wait until its deadline. None for another message."""
    try:
        said = _parsed(text)
        problem = errors.InvalidArgument(f"The appliance's report cannot be read: {why}", do=UPGRADE)
        found = {name: said.get(name) for name in ("order_id", "machine_id")}
        return (
            Report.model_validate({**found, "problem": Problem.of(problem)})
            if said.get("type") == "report"
            else None
        )
    except (ValueError, AttributeError):
        return None


def _parted(
    shape: type[pydantic.BaseModel], machines: list[Any], dropped: list[str]
) -> tuple[list[Any], list[Any]]:
    """The well-formed ones, and the odd ones. Raises ValueError for too many of these: then nothing of it is what an appliance says."""
    whole: list[Any] = []
    odd: list[Any] = []
    for each in machines:
        (whole if _is_well_formed(shape, each, dropped) else odd).append(each)
        if len(dropped) > _MOST_ODD:
            raise ValueError(f"more than {_MOST_ODD} machines are malformed in it")
    return whole, odd


def _say_gone(said: dict[str, Any], part: str, odd: list[Any]) -> None:
    """What was told of them before is not confirmed by what is missing now."""
    named = [name for each in odd if isinstance(name := _machine_id(each), str) and len(name) <= LONGEST_ID]
    if named and part in _GONE:
        said[_GONE[part]] = [*said.get(_GONE[part], []), *named]


def _machine_id(each: Any) -> object:
    """Of a status, or of a change that holds one."""
    if not isinstance(each, dict):
        return None
    return each["machine_id"] if "machine_id" in each else _machine_id(each.get("status"))


def _parsed(text: str | bytes) -> Any:
    """Raises ValueError, also for what is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as problem:
        raise ValueError("nested too deep") from problem


def _is_well_formed(shape: type[pydantic.BaseModel], each: Any, dropped: list[str]) -> bool:
    try:
        shape.model_validate_json(json.dumps(each))
    except pydantic.ValidationError as problem:
        named = _machine_id(each)
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        dropped.append(f"{str(named)[:_MOST_OF_A_NAME]!r} {where}: {first['msg']}")
        return False
    return True
