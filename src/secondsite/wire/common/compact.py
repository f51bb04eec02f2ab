"""Keeps points, of which there are ten thousands, in a third of the memory that they take when they
arrive, and other shapes in less."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TypeVar

from .base import Shape
from .points import PointShape

S = TypeVar("S", bound=Shape)

MOST_SHARED = 10_000
_FIELDS = tuple(PointShape.model_fields)
_looks = attrgetter(*_FIELDS)
_FIELDS_SETS: dict[frozenset[str], set[str]] = {}
_DISKS: dict[tuple[str, ...], tuple[str, ...]] = {}


def kept(shape: S) -> S:
    """The same object, to be kept for long: it shares the set of its given fields with other shapes, and so
    do the shapes inside it. Such a set takes 728 bytes, more than most shapes: of 1,000 machines 8 MB."""
    if not isinstance(shape, PointShape):
        _share_given(shape)
        for value in shape.__dict__.values():
            for inside in value if isinstance(value, tuple) else (value,):
                if isinstance(inside, Shape):
                    kept(inside)
    return shape


def points(said: Iterable[PointShape], known: Iterable[PointShape] = ()) -> tuple[PointShape, ...]:
    """The same points in compact form; for points in `known` the objects from there."""
    held: Mapping[str, PointShape] = {point.id: point for point in known}
    return tuple(_held(point, held.get(point.id)) for point in said)


def _held(point: PointShape, known: PointShape | None) -> PointShape:
    """The known object if it is equal, else the point in compact form. They are not compared as shapes, which
    would make a dictionary for each."""
    return known if known is not None and _looks(known) == _looks(point) else _compact(point)


def to_be_written(point: PointShape) -> PointShape:
    """A copy that nobody keeps. To write a point makes a dictionary of it, which it keeps as long as it
    lives: of 46,000 points 3 MB."""
    return PointShape.model_construct(
        point.model_fields_set, **dict(zip(_FIELDS, _looks(point), strict=True))
    )


def _share_names() -> None:
    """Make Python share attribute names among points. It does so only if the attributes were set while few
    objects of the class had been made: of the first message of an appliance come thousands, and each kept
    point had a dictionary of its own, 46,000 of them 21 MB."""
    first = PointShape.__new__(PointShape)
    for name in _FIELDS:
        object.__setattr__(first, name, None)


_share_names()


def _compact(point: PointShape) -> PointShape:
    """The point as a compact object: attributes that are set one by one are stored in the object itself, with
    shared names, and not in a dictionary of its own; and the set of the given fields, which is as large, is
    one object for most points."""
    made = PointShape.__new__(PointShape)
    for name in _FIELDS:
        object.__setattr__(made, name, getattr(point, name))
    if len(_DISKS) < MOST_SHARED:
        object.__setattr__(made, "disks", _DISKS.setdefault(point.disks, point.disks))
    object.__setattr__(made, "__pydantic_fields_set__", point.model_fields_set)
    _share_given(made)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _share_given(shape: Shape) -> None:
    """Nobody changes such a set: shapes are frozen, and a copy of one has a copy of it."""
    given = frozenset(shape.model_fields_set)
    if len(_FIELDS_SETS) < MOST_SHARED:
        object.__setattr__(shape, "__pydantic_fields_set__", _FIELDS_SETS.setdefault(given, set(given)))
