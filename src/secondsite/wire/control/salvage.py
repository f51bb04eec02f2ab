"""Keeps what is valid of a malformed status: the parts of the other machines. Also makes a valid status of
odd values at the appliance.

One machine with an odd name, size or time must not make the vault ignore everything else that the appliance
reports. Each value is checked once: an appliance with many odd ones must not slow the vault down for the
others."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, get_args, get_origin

import pydantic

from ...domain import errors
from ...ground import bounded_json
from ..common.base import Problem
from .changes import LONGEST_ID
from .messages import MOST_MACHINES, Report, Status

_PARTS: Final = ("sources", "replicas", "old_copies", "source_figures", "replica_figures", "replica_changes")
"""The fields of a status that are about machines."""
_GONE: Final[Mapping[str, str]] = {
    "sources": "sources_gone",
    "source_figures": "sources_gone",
    "replicas": "replicas_gone",
    "replica_figures": "replicas_gone",
    "replica_changes": "replicas_gone",
}
"""For each of these fields, the one that says that earlier statuses of a machine are not valid any more."""

MOST_PARTS: Final = 600_000
"""The most JSON parts of a status: enough for 20,000 machines with all their fields, or for one with as many
points."""
UPGRADE = (
    "Upgrade vault and appliance to the same release. If they are, look at the appliance: it may be in other "
    "hands."
)
_MOST_NAMED = 5
_MOST_ODD = 1000
_MOST_OF_A_NAME = 64


def without_malformed(text: str) -> tuple[Status, str]:
    """The status without the machines that are malformed in it, and a sentence about those. Raises
    ValueError for anything that is no such status."""
    said = bounded_json.read(text, MOST_PARTS)
    if not isinstance(said, dict) or said.get("type") != "status":
        raise ValueError("no status")
    for part in _PARTS:
        machines = said.get(part, [])
        if not isinstance(machines, list) or len(machines) > MOST_MACHINES:
            raise ValueError(f"{part} is no list, or a longer one than there are machines")
    status = _well_formed(said)
    return status, status.unsaid


def sayable(fields: Mapping[str, Any]) -> Status:
    """The status of these fields, without values that a status cannot have; its `unsaid` names them. Raises
    ValueError for too many."""
    try:
        return Status.model_validate(fields)
    except pydantic.ValidationError:
        return _well_formed(fields)


def failed_report(order_id: str, machine_id: str | None, why: str) -> Report:
    """A report that the order failed, in place of one that cannot be read: its step would otherwise wait
    until its deadline. Raises ValueError."""
    problem = errors.InvalidArgument(f"The appliance's report cannot be read: {why}", do=UPGRADE)
    return Report(order_id=order_id, machine_id=machine_id, problem=Problem.of(problem))


class _LeftOut:
    """What was left out, in words."""

    def __init__(self) -> None:
        self._named: list[str] = []
        self.count = 0

    def add(self, what: str, problem: pydantic.ValidationError | str) -> None:
        """Note something that was left out. Raises ValueError for too many: then no appliance has sent
        this."""
        self.count += 1
        if self.count > _MOST_ODD:
            raise ValueError(f"more than {_MOST_ODD} values are malformed in it")
        if len(self._named) < _MOST_NAMED:
            self._named.append(f"{what}: {problem if isinstance(problem, str) else _first(problem)}")

    def __str__(self) -> str:
        return f"left out {self.count}: {'; '.join(self._named)}"


def _well_formed(said: Mapping[str, Any]) -> Status:
    """The status without malformed fields. Raises ValueError."""
    left = _LeftOut()
    kept: dict[str, Any] = {}
    gone: dict[str, list[str]] = {}
    for field in (each for each in Status.model_fields if each in said):
        value, shapes = said[field], _shapes(field)
        if not shapes:
            kept[field] = value
        elif not isinstance(value, list | tuple | Mapping) or len(value) > MOST_MACHINES:
            left.add(field, f"more than {MOST_MACHINES} entries, or what has none")
        elif isinstance(value, Mapping) and len(shapes) > 1:
            kept[field] = _values(field, value, left)
        elif len(shapes) == 1 and not isinstance(value, Mapping):
            kept[field], odd = _entries(field, value, left)
            gone.setdefault(_GONE.get(field, ""), []).extend(odd)
        else:
            left.add(field, "another kind of thing")
    gone.pop("", None)
    for field, names in gone.items():
        # What was sent of them before is not confirmed by what is missing now.
        kept[field] = (*kept.get(field, ()), *names)
    return _whole(kept, left)


def _entries(field: str, entries: Sequence[Any], left: _LeftOut) -> tuple[tuple[Any, ...], list[str]]:
    """The well-formed entries of a field, and the machines of the others."""
    (shape,) = _shapes(field)
    kept: list[Any] = []
    odd: list[str] = []
    for at, each in enumerate(entries):
        try:
            kept.append(shape.validate_python(each))
        except pydantic.ValidationError as problem:
            name = _machine_id(each)
            left.add(f"{str(at if name is None else name)[:_MOST_OF_A_NAME]!r} {field}", problem)
            if isinstance(name, str) and len(name) <= LONGEST_ID:
                odd.append(name)
    return tuple(kept), odd


def _values(field: str, values: Mapping[Any, Any], left: _LeftOut) -> dict[Any, Any]:
    key_shape, value_shape = _shapes(field)
    kept: dict[Any, Any] = {}
    for key, value in values.items():
        try:
            kept[key_shape.validate_python(key)] = value_shape.validate_python(value)
        except pydantic.ValidationError as problem:
            left.add(f"{str(key)[:_MOST_OF_A_NAME]!r} {field}", problem)
    return kept


def _whole(kept: dict[str, Any], left: _LeftOut) -> Status:
    """The status without fields that are malformed as a whole, which were not checked before. Raises
    ValueError."""
    try:
        return Status.model_validate(_telling(kept, left))
    except pydantic.ValidationError as problem:
        for field, wrong in {str(each["loc"][0]): each["msg"] for each in _details(problem)}.items():
            kept.pop(field, None)
            left.add(field, wrong)
    return Status.model_validate(_telling(kept, left))


def _telling(kept: Mapping[str, Any], left: _LeftOut) -> Mapping[str, Any]:
    return {**kept, "unsaid": str(left)} if left.count else kept


@cache
def _shapes(field: str) -> tuple[pydantic.TypeAdapter[Any], ...]:
    """The types of a list's entries, or of an object's keys and values; none for other fields."""
    shape = Status.model_fields[field].annotation
    if get_origin(shape) not in (tuple, dict):
        return ()
    return tuple(pydantic.TypeAdapter(each) for each in get_args(shape) if each is not Ellipsis)


def _machine_id(each: Any) -> object:
    """The machine's id in a status, or in a change that contains one."""
    if not isinstance(each, dict):
        return None
    return each["machine_id"] if "machine_id" in each else _machine_id(each.get("status"))


def _first(problem: pydantic.ValidationError) -> str:
    wrong = _details(problem)[0]
    where = ".".join(str(step) for step in wrong["loc"])
    return f"{where} {wrong['msg']}" if where else wrong["msg"]


def _details(problem: pydantic.ValidationError) -> Sequence[Any]:
    return problem.errors(include_url=False, include_input=False, include_context=False)
