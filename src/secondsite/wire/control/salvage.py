"""What can be kept of a status in which something is malformed: the other machines' part.

One machine with an odd name, size or time must not make the vault deaf to all that the appliance says."""

import json
from typing import Any, Final

import pydantic

from .changes import LONGEST_ID, ReplicaChange, ReplicaFigures, SourceFigures
from .messages import MOST_MACHINES, Status
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
    status = Status.model_validate_json(json.dumps(said))
    return status, f"left out {len(dropped)}: {'; '.join(dropped[:_MOST_NAMED])}"


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
