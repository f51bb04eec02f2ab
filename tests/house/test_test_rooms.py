"""A room of tests knows itself, tests.support, the rig and guestkit; what two rooms share lies in one of
those."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.always

TESTS = Path(__file__).resolve().parents[1]
TOP = TESTS.parent
ROOMS = sorted(path.name for path in TESTS.iterdir() if any(path.rglob("*.py")))
MOST_MODULES = 24
LARGE = {"cli"}
"""A room that mirrors no package with rooms of its own."""


def imported(text):
    """Every module of `tests` that a source text names in an import."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("tests."))
        elif isinstance(node, ast.ImportFrom) and node.module == "tests":
            yield from (f"tests.{each.name}" for each in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def trespasses(room, text):
    """What a module of the room takes from another room, or from a module of tests."""
    for name in imported(text):
        parts = name.split(".")
        is_foreign = parts[1] not in (room, "support")
        if is_foreign or any(
            (TESTS / Path(*parts[1:end])).with_suffix(".py").is_file() and parts[end - 1].startswith("test_")
            for end in range(3, len(parts) + 1)
        ):
            yield name


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_takes_nothing_from_another_one_and_nothing_from_a_module_of_tests(room):
    found = {
        f"{path.relative_to(TESTS)} takes {name}"
        for path in (TESTS / room).rglob("*.py")
        for name in trespasses(room, path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "line", ["from tests.e2e import support_e2e", "import tests.e2e.support_e2e", "from tests import e2e"]
)
def test_a_trespass_would_be_seen(line):
    assert list(trespasses("faults", line))
    assert not list(trespasses("e2e", line))


def test_a_module_of_tests_that_is_imported_would_be_seen():
    assert list(trespasses("house", "from tests.house.test_rooms import ROOT"))
    assert not list(trespasses("house", "from tests.house import map_rooms"))


def test_nothing_that_tests_use_imports_tests():
    others = [
        path
        for folder in ("rig", "guestkit", "demo", "bench", "chaos")
        for path in (TOP / folder).rglob("*.py")
    ]
    assert [str(path) for path in others if list(imported(path.read_text()))] == []


def test_a_folder_of_tests_is_small():
    folders = [TESTS, *(path for path in TESTS.rglob("*") if path.is_dir())]
    crowded = {
        str(path.relative_to(TESTS)): count
        for path in folders
        if (count := len(list(path.glob("*.py")))) > MOST_MODULES
    }
    assert set(crowded) <= LARGE, crowded
