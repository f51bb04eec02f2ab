"""No field of a shape that crosses a border takes what cannot be kept, told on and read again."""

import json
import math
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, to_jsonable_python

from secondsite.domain.counters import MOST
from secondsite.wire import control, rest
from secondsite.wire.common import bounds
from secondsite.wire.common.base import Shape
from secondsite.wire.control import rescue_manifest
from secondsite.wire.rest.access import evidence
from tests.support.extremes import EXTREMES

WRAPPED = (lambda each: each, lambda each: [each], lambda each: {"a": each}, lambda each: [each] * 3)


def shapes():
    """All that the wire's rooms have."""
    assert all((control, rest, rescue_manifest, evidence))
    found, waiting = {}, [Shape]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if (
                each.__module__.startswith("secondsite.wire.")
                and not each.__pydantic_generic_metadata__["parameters"]
            ):
                found[f"{each.__module__}.{each.__name__}"] = each
    return found


SHAPES = shapes()
LATER = ("payload", "facts")
WHOLE = ("evidence",)
"""Signed by another vault, perhaps: it is compared with its digest, letter for letter."""
"""Said in a shape that is known later."""


def fields(shape):
    """A validator of each field, as the shape has it."""
    schema = TypeAdapter(shape).core_schema
    known = schema.get("definitions", [])
    model = schema["schema"] if schema["type"] == "definitions" else schema
    while model["type"] != "model":
        model = (
            next(each for each in known if each["ref"] == model["schema_ref"])
            if model["type"] == "definition-ref"
            else model["schema"]
        )
    inside = model["schema"]
    while inside["type"] != "model-fields":
        inside = inside["schema"]
    for name, field in inside["fields"].items():
        part = field["schema"]
        yield (
            name,
            SchemaValidator(
                {"type": "definitions", "schema": part, "definitions": known} if known else part,
                config=model.get("config"),
            ),
        )


def tried(shape):
    """What each field took of all extremes, and how many were tried."""
    taken, count = [], 0
    for name, validator in fields(shape):
        for each in EXTREMES:
            for wrap in WRAPPED:
                count += 1
                try:
                    taken.append((name, validator, validator.validate_python(wrap(each))))
                except ValidationError:
                    continue
    return taken, count


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_what_a_field_takes_can_be_kept_and_read_again(name):
    taken, count = tried(SHAPES[name])
    assert count or not SHAPES[name].model_fields
    for field, validator, value in taken:
        kept = to_jsonable_python(value)
        require_bounded(kept, field)
        again = validator.validate_python(json.loads(json.dumps(kept, allow_nan=False)))
        assert to_jsonable_python(again) == kept, field


def require_bounded(kept, field):
    if field in WHOLE:
        return
    if isinstance(kept, dict | list):
        for each in kept.values() if isinstance(kept, dict) else kept:
            require_bounded(each, field)
    elif isinstance(kept, float):
        assert math.isfinite(kept), field
        assert abs(kept) <= bounds.LONGEST_SECONDS or field in LATER, field
    elif isinstance(kept, int):
        assert abs(kept) <= MOST**2, field
    elif isinstance(kept, str):
        assert len(kept) <= bounds.LONGEST, field
        kept.encode()


class Example(Shape):
    """A field that somebody adds, and thinks of no bounds."""

    number: int = 0
    seconds: float = 0.0
    text: str = ""
    at: datetime = datetime(2026, 11, 20, tzinfo=UTC)
    several: tuple[int, ...] = ()
    by_name: dict[str, int] = {}
    own: "int | None" = None


@pytest.mark.parametrize(
    "said",
    [
        {"number": 2**63},
        {"number": -(2**63)},
        {"seconds": 1e300},
        {"seconds": math.nan},
        {"text": "x" * (bounds.LONGEST + 1)},
        {"several": [1] * (bounds.MOST_PARTS + 1)},
        {"several": [2**63]},
        {"by_name": {"a": 2**63}},
        {"own": 2**63},
    ],
    ids=lambda said: next(iter(said)),
)
def test_a_field_for_which_nobody_thought_of_bounds_has_them(said):
    with pytest.raises(ValidationError):
        Example.model_validate(said)


def test_the_description_of_the_api_is_not_full_of_them():
    assert "9223372036854775807" not in json.dumps(Example.model_json_schema())
    assert set(Example.model_json_schema()["properties"]["number"]) == {"default", "title", "type"}


def test_how_much_is_tried():
    assert len(SHAPES) > 200
    assert sum(len(each.model_fields) for each in SHAPES.values()) > 1000
