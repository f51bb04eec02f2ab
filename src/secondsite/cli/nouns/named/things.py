"""Changes one named thing of a machine, such as a check or a hook, and sends the whole list with it."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from ....client import validation_messages
from ....domain import errors


class HasName(Protocol):
    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=HasName)
Made = TypeVar("Made", bound=BaseModel)


def made(shape: type[Made], noun: str, /, **values: Any) -> Made:
    """The thing, made from given values. Raises InvalidArgument with the first value that does not fit."""
    try:
        return shape(**values)
    except ValidationError as error:
        raise errors.InvalidArgument(
            f"That is no {noun}: {validation_messages.first(error)}.",
            do=f"See 'secondsite {noun} set --help'.",
        ) from error


def put(things: Sequence[Thing], wanted: Thing) -> list[Thing]:
    """The list with this thing in the place of the one of its name, else at its end."""
    if wanted.name in [each.name for each in things]:
        return [wanted if each.name == wanted.name else each for each in things]
    return [*things, wanted]


def without(things: Sequence[Thing], name: str | None, *, noun: str, machine: str) -> list[Thing]:
    """The list without the named thing; empty if no name is given. Raises NotFound."""
    if name is not None and name not in [each.name for each in things]:
        raise errors.NotFound(
            f"{machine} has no {noun} '{name}'.",
            do=f"See 'secondsite {noun} list {machine}' for those that it has.",
        )
    return [each for each in things if name not in (None, each.name)]
