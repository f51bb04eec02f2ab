"""A cycle's header is checked value by value where it enters: one that lies anywhere is refused as a
whole."""

import json
from typing import Any

import pytest

from secondsite.datapath.cycles import header_checks
from secondsite.datapath.cycles.cycle_file import CycleHeader
from secondsite.datapath.errors import ProtocolViolated
from secondsite.ground.units import GiB, MiB

POINT: dict[str, Any] = {
    "point_id": "20261120T080000Z-1.4", "consistency": "crash", "reason": None,
    "definition": {"name": "web01"},
    "machine_name": "web01", "set_id": "shop-20261120T080000.000000Z",
}  # fmt: skip
HEADER: dict[str, Any] = {
    "machine_id": "web01", "epoch": 1, "seq": 4, "base_seq": 3, "taken_at": "2026-11-20T08:00:00+00:00",
    "disks": [{"key": "vda", "size_bytes": MiB}, {"key": "vdb", "size_bytes": GiB}], "point": POINT,
    "sync": {"vda": MiB}, "firmware": None, "apart": ["vdb"],
}  # fmt: skip
ODD: list[Any] = [
    None,
    True,
    -1,
    0.5,
    10**30,
    float("nan"),
    "",
    "evil",
    "../../etc",
    "x" * 5000,
    "\ud800",
    [],
    {},
    [[]],
    ["x"],
    [{}],
]
INSTANTS = [
    "yesterday", "2026-11-20T08:00:00", "2026-11-20", "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-12:00", "1969-12-31T23:59:59+00:00", "2026-11-20T08:00:00+99:99", "20" * 3000,
    1763625600,
]  # fmt: skip
FINE: dict[str, list[Any]] = {
    "base_seq": [None],
    "point": [None],
    "sync": [None, {}],
    "firmware": [None, []],
    "disks": [[]],
    "apart": [[], ["x"]],
}
FINE_IN_POINT: dict[str, list[Any]] = {
    "reason": [None, "", "evil", "../../etc", "x" * 5000],
    "set_id": [None, "evil"],
    "definition": [{}],
}
FINE_IN_POINT["machine_name"] = ["", "evil", "../../etc"]


def names(value):
    return value in ("evil", "x")


def odd_values(fields, fine, own_name):
    """Of each field what it may not be; a field of a name may be any name."""
    for field in sorted(fields):
        for value in ODD:
            may_be = any(value is each or value == each for each in fine.get(field, ()))
            if not may_be and not (field == own_name and names(value)):
                yield pytest.param(field, value, id=f"{field}-{ascii(value)[:20]}")


@pytest.mark.parametrize(("field", "value"), list(odd_values(HEADER, FINE, "machine_id")))
def test_a_header_with_one_odd_value_is_refused(field, value):
    with pytest.raises(ProtocolViolated, match="header is not understood") as refused:
        CycleHeader.from_json({**HEADER, field: value})
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(("field", "value"), list(odd_values(POINT, FINE_IN_POINT, "point_id")))
def test_a_point_with_one_odd_value_is_refused(field, value):
    with pytest.raises(ProtocolViolated):
        CycleHeader.from_json({**HEADER, "point": {**POINT, field: value}})


@pytest.mark.parametrize("taken_at", INSTANTS, ids=lambda value: ascii(value)[:30])
def test_an_instant_without_a_zone_or_out_of_reach_is_refused(taken_at):
    with pytest.raises(ProtocolViolated):
        CycleHeader.from_json({**HEADER, "taken_at": taken_at})


@pytest.mark.parametrize(
    "said", ["2026-11-20T09:00:00+01:00", "2026-11-20T08:00:00Z", "20261120T080000+0000"]
)
def test_an_instant_is_kept_in_one_form(said):
    assert CycleHeader.from_json({**HEADER, "taken_at": said}).taken_at == "2026-11-20T08:00:00+00:00"


def test_a_header_that_came_is_the_header_that_was_sent():
    header = CycleHeader.from_json(HEADER)
    assert CycleHeader.from_json(json.loads(json.dumps(header.to_json()))) == header


def test_a_disk_that_is_named_twice_is_refused():
    with pytest.raises(ProtocolViolated, match="twice"):
        CycleHeader.from_json({**HEADER, "disks": [HEADER["disks"][0]] * 2})


def test_a_point_keeps_what_a_later_release_says_but_not_a_mebibyte_of_it():
    assert header_checks.point({**POINT, "later": [1, 2]})["later"] == [1, 2]
    with pytest.raises(ValueError, match="bytes"):
        header_checks.point({**POINT, "later": "x" * MiB})
