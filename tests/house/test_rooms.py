"""The folder tree is the architecture: every list of rooms is its folder, rooms are small, faces are used."""

import ast
import functools
import re
from collections import Counter
from pathlib import Path

import pytest

import secondsite
from tests.house.map_rooms import plain

pytestmark = pytest.mark.always

ROOT = Path(secondsite.__file__).parent
FEWEST_MODULES, MOST_MODULES = 3, 24
DEEPEST = 4
"""Folders below the package."""
GROWING = {"secondsite.vault.store.migration.versions"}
"""Alembic's: a script with each change of the tables."""
ROOM_LINE = re.compile(r"^    (\w+(?:, \w+)*)/?  +\S", re.MULTILINE)


def folders():
    return [path.parent for path in sorted(ROOT.rglob("__init__.py"))]


def name_of(path):
    return ".".join(("secondsite", *path.relative_to(ROOT).parts))


def rooms_in(folder):
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {f"{path.name}/" for path in folder.iterdir() if (path / "__init__.py").exists()}
    return files | packages


@functools.cache
def syntax(path):
    return ast.parse(path.read_text(), str(path))


FOLDERS = [pytest.param(folder, id=name_of(folder)) for folder in folders()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_rooms_that_a_docstring_lists_are_those_of_its_folder(folder):
    text = ast.get_docstring(syntax(folder / "__init__.py")) or ""
    listed = {name for line in ROOM_LINE.findall(text) for name in line.split(", ")}
    assert not listed or listed == {name.rstrip("/") for name in rooms_in(folder)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_room_holds_few_modules_and_is_no_closet(folder):
    modules = [name for name in rooms_in(folder) if not name.endswith("/")]
    assert len(modules) <= MOST_MODULES, f"{name_of(folder)} wants rooms of its own"
    has_rooms = len(modules) < len(rooms_in(folder))
    assert has_rooms or name_of(folder) in GROWING or len(modules) >= FEWEST_MODULES, (
        f"{name_of(folder)} belongs into its parent"
    )
    assert len(folder.relative_to(ROOT).parts) <= DEEPEST


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_four_siblings_share_a_prefix(folder):
    prefixes = Counter(name.split("_")[0] for name in rooms_in(folder) if "_" in name)
    crowds = {prefix for prefix, many in prefixes.items() if many + ((prefix in rooms_in(folder)) or 0) > 3}
    assert not crowds, f"in {name_of(folder)} these prefixes want to be a folder: {crowds}"


def faces():
    """Public names by package, for packages of the floors that have public faces."""
    found = {}
    for folder in folders():
        if folder.parent.name not in ("datapath", "appliance"):
            continue
        for node in syntax(folder / "__init__.py").body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                found[name_of(folder)] = set(ast.literal_eval(node.value))
    return found


@functools.cache
def imports_of(path):
    """(module, name) of every from-import, in absolute words."""
    return tuple(_imports(path))


def _imports(path):
    package = name_of(path.parent).split(".")
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield module, alias.name


def trespasses(package, names, path):
    if name_of(path).startswith(package + "."):
        return []
    return [
        f"{name_of(path.with_suffix(''))} takes {name} from {module}"
        for module, name in imports_of(path)
        if module.startswith(package + ".") or (module == package and name not in names)
    ]


def test_every_package_has_a_public_face():
    packages = {name_of(folder) for folder in folders() if folder.parent.name in ("datapath", "appliance")}
    assert packages == set(faces())


@pytest.mark.parametrize("package", sorted(faces()))
def test_outsiders_take_only_what_a_package_shows(package):
    names = faces()[package]
    found = [each for path in sorted(ROOT.rglob("*.py")) for each in trespasses(package, names, path)]
    assert found == []


def test_a_trespass_would_be_seen():
    package = "secondsite.datapath.disks"
    assert (
        trespasses(package, faces()[package] - {"NbdDisk"}, ROOT / "datapath" / "transfer" / "compare.py")
        == []
    )
    names = {name for path in ROOT.rglob("*.py") for module, name in imports_of(path) if module == package}
    assert "NbdDisk" in names


def listed_in_the_readme():
    """Folder to what it is said to hold, from the tree under "Where things live"."""
    text = (ROOT.parents[1] / "README.md").read_text()
    tree = text.partition("src/secondsite/\n")[2].partition("```")[0]
    lines = [line for line in tree.splitlines() if line.startswith("  ")]
    return {name: line for line in lines for name in re.findall(r"\b(\w+)/(?= )", line)}


def test_the_readme_lists_the_floors_that_there_are():
    floors = {name.rstrip("/") for name in rooms_in(ROOT) if name.endswith("/")}
    assert set(listed_in_the_readme()) == floors


@pytest.mark.parametrize("floor", ["vault", "appliance", "datapath"])
def test_the_readme_names_the_rooms_of_a_floor(floor):
    said = set(re.findall(r"\w+", listed_in_the_readme()[floor].partition("   ")[2]))
    packages = {name.rstrip("/") for name in rooms_in(ROOT / floor) if name.endswith("/")}
    assert packages <= said


def test_a_drawing_leaves_out_an_arrow_where_others_lead_to_the_same_place():
    arrows = {"roof": {"middle", "ground"}, "middle": {"ground"}, "shed": {"ground"}}
    assert plain(arrows) == {"roof": {"middle"}, "middle": {"ground"}, "shed": {"ground"}}
