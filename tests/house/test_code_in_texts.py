"""What names modules by texts, for another process to run, names what is there: no type checker reads it, and
the tests that run it are slow."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

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
                for name in (each.strip() for each in names.split(",")):
                    first, _, second = name.partition(" as ")
                    yield module, first, ""
                    uses = re.findall(rf"(?<![\w.\"'/]){second or first}\.([A-Za-z_]\w*)", text)
                    yield from ((module, first, used) for used in uses)


IMPORTS = sorted(set(imports()))


def test_there_is_such_code():
    assert len(IMPORTS) > 50


@pytest.mark.parametrize(("where", "module", "name", "used"), IMPORTS)
def test_what_a_text_imports_and_uses_of_it_is_there(where, module, name, used):
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        found = importlib.import_module(f"{module}.{name}")
    assert not used or not isinstance(found, ModuleType) or hasattr(found, used)


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
