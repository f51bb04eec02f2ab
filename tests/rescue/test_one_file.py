"""The program is one file that a bare Python runs, and that says what is wrong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from secondsite import rescue

ROOM = Path(rescue.__file__).parent


def run(file, *words):
    command = [sys.executable, "-I", "-S", str(file), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={}, cwd="/", check=False)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / rescue.NAME
    path.write_bytes(rescue.bundle())
    return path


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_it_takes_nothing_but_the_standard_library_in_words_that_python_3_9_knows(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {each.name.split(".")[0] for each in node.names} <= sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom):
            of_python = not node.level and str(node.module).split(".")[0] in sys.stdlib_module_names
            assert of_python or 1 <= node.level <= len(path.relative_to(ROOM).parts)


def test_the_same_room_is_the_same_file():
    assert rescue.bundle() == rescue.bundle()


def test_it_says_what_it_does(file):
    said = run(file, "--help")
    assert said.returncode == 0
    assert "when the vault, the first site and the appliance are gone" in said.stdout


def test_a_folder_that_is_no_store_is_refused_with_what_to_type(file, tmp_path):
    said = run(file, "--store", str(tmp_path), "list")
    assert said.returncode == 1
    assert "is not the store of an appliance" in said.stderr
    assert "--store" in said.stderr


def test_a_machine_that_is_not_there_is_refused(file, tmp_path):
    (tmp_path / "replicas").mkdir()
    assert "No machine is in this store." in run(file, "list").stdout
    said = run(file, "start", "web01")
    assert said.returncode == 1
    assert "has no machine 'web01'" in said.stderr
