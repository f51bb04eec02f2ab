"""Which tests a change can reach: `./dev test --since REV` runs these, of what takes long this commit's
slice.

A test module is reached by a change of what it imports, directly or on the way; and by any change in the room
of the source that it mirrors (`tests/domain` is that of `secondsite/domain`), its folder or the nearest one
above. Imports are not followed through the program's entry and the rig: what starts whole programs reaches
everything, and is what a whole run is for. A page reaches the tests of pages; a file that is neither reaches
all.
"""

import ast
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, PACKAGE = PurePosixPath("src/secondsite"), "secondsite"
OTHERS = ("tests", "rig", "demo", "chaos", "bench", "guestkit")
WHOLE_PROGRAMS = ("secondsite.entry", "rig")
ALWAYS = ("tests/house/",)
OF_PAGES = ("tests/docs/", "tests/cli/test_guides.py")
NOTHING = {"tests/seconds.json"}
PAGES = ("docs/", "changelog/", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")


@dataclass(frozen=True)
class Modules:
    """By dotted name: the file, below the root of the repository, and the modules that it imports. A name
    that a package shows is of the module that has it."""

    files: Mapping[str, PurePosixPath]
    imports: Mapping[str, frozenset[str]]

    @property
    def tests(self) -> dict[str, PurePosixPath]:
        return {name: path for name, path in self.files.items() if path.name.startswith("test_")}

    def reachable(self, name: str) -> set[str]:
        """All that a module of tests imports, with the `conftest`s above it."""
        parts = name.split(".")
        found = {name, *(".".join((*parts[:at], "conftest")) for at in range(1, len(parts)))}
        found &= self.files.keys()
        left = list(found)
        while left:
            one = left.pop()
            if not one.startswith(WHOLE_PROGRAMS):
                left += self.imports[one] - found
                found |= self.imports[one]
        return found


def look(root: Path = ROOT) -> Modules:
    files = {}
    for top in (str(SOURCE), *OTHERS):
        for path in (root / top).rglob("*.py"):
            place = PurePosixPath(path.relative_to(root).as_posix())
            parts = place.with_suffix("").parts
            parts = parts[1:] if parts[0] == "src" else parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = place
    named = {name: list(_imported(root / place, name)) for name, place in files.items()}
    shown = {
        name: {as_name: (module, other) for module, other, as_name in named[name]}
        for name, place in files.items()
        if place.name == "__init__.py"
    }

    def module(package: str, name: str, depth: int = 0) -> str | None:
        if f"{package}.{name}" in files:
            return f"{package}.{name}"
        further = shown.get(package, {}).get(name)
        if further is not None and depth < len(files):
            return module(*further, depth + 1)
        return package if package in files else None

    imports = {
        name: frozenset(found for package, other, _ in those if (found := module(package, other)))
        for name, those in named.items()
    }
    return Modules(files, imports)


def _imported(path: Path, name: str) -> Iterable[tuple[str, str, str]]:
    """Where each name is imported from, its name there, and the one that it has here."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((module, each.name, each.asname or each.name) for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                (each.name.rpartition(".")[0], each.name.rpartition(".")[2], "") for each in node.names
            )


def reached(changed: Collection[str], modules: Modules) -> set[str]:
    """The files of the tests that these files, below the root of the repository, can reach."""
    tests = {str(path) for path in modules.tests.values()}
    names = {str(path): name for name, path in modules.files.items()}
    pages = {path for path in changed if path.startswith(PAGES)}
    sources = {path for path in changed if path.startswith((f"{SOURCE}/", *(f"{each}/" for each in OTHERS)))}
    if set(changed) - pages - sources - NOTHING:
        return tests
    rooms = [room for path in sources - NOTHING if (room := _mirror(path, tests))]
    places = (*ALWAYS, *rooms, *(OF_PAGES if pages else ()))
    found = {path for path in tests if path.startswith(places)}
    touched = {names[path] for path in sources if path in names}
    return found | {str(path) for name, path in modules.tests.items() if modules.reachable(name) & touched}


def _mirror(path: str, tests: Collection[str]) -> str:
    """The folder of the tests of the room that a file of the source lies in, or of the nearest one above;
    the tests beside what they read."""
    place = PurePosixPath(path)
    if place.parts[0] == "tests" and place.suffix != ".py":
        return f"{place.parent}/"
    if not place.is_relative_to(SOURCE):
        return ""
    for folder in place.relative_to(SOURCE).parents:
        room = f"{PurePosixPath('tests') / folder}/"
        if room != "tests/" and any(test.startswith(room) for test in tests):
            return room
    return ""


def changed_since(revision: str, root: Path = ROOT) -> set[str]:
    """With what is not committed, and with what git does not know yet."""
    git = ["git", "-c", "safe.directory=*", "-C", str(root)]
    commands = (["diff", "--name-only", revision, "--"], ["ls-files", "--others", "--exclude-standard"])
    found: set[str] = set()
    for command in commands:
        done = subprocess.run([*git, *command], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise LookupError(f"git does not know what changed since '{revision}': {done.stderr.strip()}")
        found |= set(done.stdout.splitlines())
    return found


def pytest_addoption(parser):
    parser.getgroup("slices").addoption("--since", metavar="REV", help="only what a change since can reach")


def pytest_configure(config):
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.option.reached = told["reached"]
        return
    config.option.reached = None
    if config.option.since is not None:
        try:
            config.option.reached = sorted(reached(changed_since(config.option.since), look()))
        except LookupError as unknown:
            raise pytest.UsageError(str(unknown)) from unknown


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["reached"] = node.config.option.reached


def pytest_report_header(config):
    if config.option.reached is None:
        return None
    return f"what changed since {config.option.since} reaches {len(config.option.reached)} modules of tests"


def pytest_collection_modifyitems(config, items):
    if config.option.reached is None:
        return
    places = set(config.option.reached)
    left = [item for item in items if item.nodeid.partition("::")[0] not in places]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.nodeid.partition("::")[0] in places]
