"""What names modules by texts, for another process to run, names what is there: no type checker reads it, and
the tests that run it are slow."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tests", "rig", "demo", "chaos", "bench", "guestkit", "deploy", "src")
NO_CODE_OF_OURS = {Path("tests/house/test_since.py")}
"""Its texts are files of a made-up repository."""
IMPORT = re.compile(r"^\s*from\s+((?:secondsite|rig|tests)[\w.]*)\s+import\s+([\w, ]+)", re.MULTILINE)


def imports():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            where = path.relative_to(ROOT)
            if where not in NO_CODE_OF_OURS:
                yield from ((where, *found) for found in _in_texts(ast.parse(path.read_text())))


def _in_texts(tree):
    texts = (each.value for each in ast.walk(tree) if isinstance(each, ast.Constant))
    for text in texts:
        if isinstance(text, str):
            for module, names in IMPORT.findall(text.replace("; ", "\n")):
                yield from ((module, name.split(" as ")[0].strip()) for name in names.split(","))


IMPORTS = sorted(set(imports()))


def test_there_is_such_code():
    assert len(IMPORTS) > 50


@pytest.mark.parametrize(("where", "module", "name"), IMPORTS)
def test_what_a_text_imports_is_there(where, module, name):
    if not hasattr(importlib.import_module(module), name):
        importlib.import_module(f"{module}.{name}")


def programs():
    """Files that a module names as lying beside it."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "Path(__file__).with_name":
                yield path.with_name(ast.literal_eval(each.args[0])).relative_to(ROOT)


PROGRAMS = sorted(programs())


def test_there_are_such_programs():
    assert len(PROGRAMS) > 1


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_that_lies_beside_its_module_is_there(program):
    assert (ROOT / program).is_file()
