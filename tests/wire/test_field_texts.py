"""Texts below fields describe them in the API, and are read only when a schema is asked for."""

from secondsite.wire import rest
from secondsite.wire.common.base import Problem, Shape
from secondsite.wire.common.field_texts import field_texts
from secondsite.wire.rest.access.drill_passes import DrillWayQuery
from secondsite.wire.rest.glance.live import LiveQuery
from secondsite.wire.rest.predictions import CapacityQuery
from secondsite.wire.rest.preflights import EligibilityQuery


class Tall(Shape):
    height: int
    """In metres."""
    weight: int


class Taller(Tall):
    height: int
    """In metres,
    as the crow flies."""


def described(shape):
    return {name: field.get("description") for name, field in shape.model_json_schema()["properties"].items()}


def test_a_schema_has_the_texts_of_a_class_and_of_those_that_it_comes_from():
    assert described(Tall) == {"height": "In metres.", "weight": None}
    assert described(Taller) == {"height": "In metres, as the crow flies.", "weight": None}
    assert described(Problem)["do"] == "What to do next."


def test_a_generic_class_keeps_its_texts_when_it_is_parametrized():
    assert described(rest.MachinePage) == described(rest.JobPage)
    assert all(described(rest.MachinePage).values())


def test_a_class_that_is_not_written_in_python_has_none():
    assert field_texts(int) == {}


def test_only_what_is_asked_in_a_query_is_described_as_a_process_begins():
    early = {each for each in every_shape(Shape) if each.model_config.get("use_attribute_docstrings")}
    assert early == {
        *(rest.Paging, *every_shape(rest.Paging)),
        *(rest.MachineSelection, *every_shape(rest.MachineSelection)),
        *(rest.PlanPreviewQuery, EligibilityQuery, LiveQuery, CapacityQuery, DrillWayQuery),
    }


def every_shape(base):
    for each in base.__subclasses__():
        yield each
        yield from every_shape(each)
