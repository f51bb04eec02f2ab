"""What was handed over of a machine that was migrated to another host of its site, so that a repeated order
says the same. The vault asks again within minutes; older notes are of no use."""

from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, ValidationError

from ...wire.common.base import Shape
from ...wire.control.orders import HandedOver
from .state import State

PREFIX = "handed-over/"
KEPT = timedelta(days=1)


class Note(Shape):
    """`at`: when it was handed over."""

    at: AwareDatetime
    handed: HandedOver


def keep(state: State, machine_id: str, handed: HandedOver) -> None:
    note = Note(at=datetime.now(UTC), handed=handed)
    state.put_fact(PREFIX + machine_id, note.model_dump_json())


def find(state: State, machine_id: str) -> HandedOver | None:
    note = _read(state.fact(PREFIX + machine_id))
    return None if note is None else note.handed


def forget(state: State, machine_id: str) -> None:
    state.remove_fact(PREFIX + machine_id)


def forget_old(state: State, now: datetime | None = None) -> None:
    """Forget what was handed over more than a day before `now`, and notes that cannot be read."""
    now = now or datetime.now(UTC)
    for key, value in state.facts(PREFIX).items():
        note = _read(value)
        if note is None or not abs(now - note.at) <= KEPT:
            state.remove_fact(key)


def _read(value: str | None) -> Note | None:
    try:
        return None if value is None else Note.model_validate_json(value)
    except ValidationError:
        return None
