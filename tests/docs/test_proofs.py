"""The page of proofs tells the truth of what is tried how often: what it names is there, and marked so."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.support_requirements import ROOT
from tests.support import slices

PAGE = ROOT / "docs/design/proofs.md"
ROW = re.compile(r"^\| (?P<what>.+?) \|(?P<each>.*?)\|(?P<turn>.*?)\|(?P<hand>.*?)\|$", re.M)
BROKEN = ROOT / "docs/design/broken-on-purpose.md"
NOTICED = re.compile(r"^\| \d+ \|.*?\|.*?\| `(?P<module>[\w/]+)\.py::(?P<test>\w+)", re.M)
HEADS = {"what could break it", "---"}


def rows():
    return [row.groupdict() for row in ROW.finditer(PAGE.read_text()) if row["what"] not in HEADS]


def modules(cell):
    return [name.strip() for name in cell.split(",") if name.strip()]


def marks(path: Path):
    """What a whole module is marked with, as it is written."""
    assigned = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign))
    return " ".join(
        ast.unparse(node.value) for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"
    )


def runs_each_time(path):
    found = marks(path)
    takes_turns = slices.is_long(str(path.relative_to(ROOT))) or any(
        word in found for word in ("slow", "every", "MARKS")
    )
    return "always" in found or not takes_turns


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["what"])
def test_what_is_said_to_be_tried_each_time_is_and_what_takes_turns_does(row):
    each = [ROOT / f"tests/{name}.py" for name in modules(row["each"])]
    in_turn = [ROOT / f"tests/{name}.py" for name in modules(row["turn"])]
    assert [str(path) for path in (*each, *in_turn) if not path.is_file()] == []
    assert [str(path) for path in each if not runs_each_time(path)] == []
    assert [
        str(path) for path in in_turn if runs_each_time(path) and "mark.slow" not in path.read_text()
    ] == []
    assert each, "nothing tries it with each run"


def test_every_promise_has_its_rows():
    assert len(rows()) > 25


@pytest.mark.parametrize(("module", "test"), NOTICED.findall(BROKEN.read_text()))
def test_what_noticed_a_promise_that_was_broken_on_purpose_still_runs_each_time(module, test):
    path = ROOT / f"tests/{module}.py"
    decorated = path.read_text().partition(f"def {test}(")
    assert decorated[1]
    assert runs_each_time(path) or decorated[0].rstrip().endswith("@pytest.mark.always")
