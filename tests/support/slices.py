"""Which part of what takes long a run takes.

What is marked `every` is whole in `./dev test --all` only. Each other run takes one slice of it: the commit's
number says which, so that SLICES commits take all. Sweeps take their steps from there likewise. `--slice=N`
takes the slice of commit N again. A test whose file is named on the command line runs, whatever its slice,
unless `--slice` is given too.

`every` marks a module that is in one slice as a whole, since its tests are one story or share a world;
`every(by="test")` has each test in a slice of its own; `every(by="all")` is in no slice, only in --all.
`every(turn=NAME)`: of all that is marked so with that name, each run takes one, in the order of their names;
as many commits take all as there are.
`parts=K` beside these: in --all, too, a table that would take many minutes runs one of K parts of its rows,
by the commit's number; a row of it that has a slice of its own is in that slice, whatever its part.
`turn_parts=K` beside a turn: the run whose turn it is takes one of K parts of its rows. K shares no divisor
with how many take turns: else some parts would never have theirs.

Nor does each run take what is marked `slow`, or a module of which LONG seconds or more are kept: it has a
slice as a whole, too. `always` marks what runs with each all the same; the mark that is nearest counts.

A module's slice follows from the seconds that are kept of all modules, so that slices take the same time.
"""

import functools
import subprocess
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import seconds

SLICES = 22
"""One less than a prime: see `Sliced.steps`."""
LONG = 5
"""Seconds of a module."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sliced:
    """The commit's number, counted from the first one; `whole`: in --all."""

    number: int
    whole: bool = False

    def takes(self, name: str) -> bool:
        """Whether what has this name is in this slice."""
        return self.whole or _slice_of(name) == self.number % SLICES

    def has_turn(self, name: str, names: Collection[str]) -> bool:
        """Whether it is this one's turn, of those that take turns."""
        return self.whole or sorted(names)[self.number % len(names)] == name

    def has_part(self, name: str, parts: int) -> bool:
        """Whether --all takes what has this name, of a table that is run in parts."""
        return zlib.crc32(name.encode()) % parts == self.number % parts

    def steps(self, stride: int, whole: int = 1) -> tuple[int, int]:
        """First one, counted from 1, and stride of a sweep, for itertools.count; `whole`: the stride in
        --all.

        Of the commits that take the sweep's slice, as many as the stride is long take all its steps: the
        first step follows from the round, too, since a commit's number alone has, of a slice, the same rest
        for any stride that divides SLICES. Together they advance by SLICES + 1 from round to round, which no
        stride may share a divisor with.
        """
        stride = whole if self.whole else stride
        return 1 + (self.number + self.number // SLICES) % stride, stride


def balanced(took: Mapping[str, int]) -> dict[str, int]:
    """The slice of each of these modules: whatever takes longest comes first, to the shortest slice."""
    sums = [0] * SLICES
    found = {}
    for name in sorted(took, key=lambda each: (-took[each], each)):
        found[name] = sums.index(min(sums))
        sums[found[name]] += took[name]
    return found


_kept = functools.cache(seconds.kept)
_of_kept = functools.cache(lambda: balanced(_kept()))


def _slice_of(name: str) -> int:
    """By its checksum, where no seconds are kept of it."""
    found = _of_kept().get(name)
    return zlib.crc32(name.encode()) % SLICES if found is None else found


def is_long(module: str) -> bool:
    """Whether a module of tests takes so long that it takes turns, unless it is marked `always`."""
    return _kept().get(module, 0) >= LONG


def commit_number(folder: Path = ROOT) -> int:
    """How many commits led to this one; 0 where git does not say."""
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), "rev-list", "--count", "HEAD"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return int(said)


def pytest_addoption(parser):
    group = parser.getgroup("slices")
    group.addoption("--all", action="store_true", help="all that is marked `every`, and whole sweeps")
    group.addoption("--slice", type=int, metavar="N", help="the slice that commit number N takes")


def pytest_configure(config):
    """A worker of xdist reads the command line itself; what its controller found is told to it."""
    option = config.option
    told = getattr(config, "workerinput", None)
    if told is not None:
        option.named, option.slice = told["named"], told["slice"]
        return
    option.named = [] if option.all or option.slice is not None else _named(config)
    option.slice = commit_number() if option.slice is None else option.slice


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput |= {"named": node.config.option.named, "slice": node.config.option.slice}


def _named(config):
    """Files on the command line."""
    places = [config.invocation_params.dir / arg.partition("::")[0] for arg in config.args]
    return [str(place.resolve()) for place in places if place.is_file()]


def of(config) -> Sliced:
    return Sliced(config.option.slice, config.option.all)


def header(chosen: Sliced) -> str:
    """How a run tells its slice, and how the same is taken again."""
    if chosen.whole:
        return f"all that takes long; sweeps begin as in --slice={chosen.number}"
    which = f"slice {chosen.number % SLICES} of {SLICES} of what takes long"
    return f"{which}; the same again: --slice={chosen.number}"


def pytest_report_header(config):
    return header(of(config))


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        terminalreporter.write_line(header(of(config)))


def pytest_collection_modifyitems(config, items):
    chosen = of(config)
    turns = _turns(items)
    taken: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        is_named = str(item.path) in config.option.named
        (taken if is_named or _is_in(chosen, item, turns) else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = taken


def _is_in(chosen, item, turns):
    mark = item.get_closest_marker("every")
    if mark is None:
        return not _takes_turns(item) or chosen.takes(_module(item))
    if chosen.whole or mark.kwargs.get("by") == "all":
        return chosen.whole and chosen.has_part(item.nodeid, mark.kwargs.get("parts", 1))
    turn = mark.kwargs.get("turn")
    if turn is None:
        return chosen.takes(_name(mark, item))
    has_part = chosen.has_part(item.nodeid, mark.kwargs.get("turn_parts", 1))
    return has_part and chosen.has_turn(_name(mark, item), turns[turn])


def _takes_turns(item):
    for node in reversed(item.listchain()):
        marks = {mark.name for mark in node.own_markers}
        if marks & {"always", "slow"}:
            return "always" not in marks
    return is_long(_module(item))


def _turns(items):
    """Who takes turns with whom."""
    found: dict[str, set[str]] = {}
    for item in items:
        mark = item.get_closest_marker("every")
        if mark is not None and "turn" in mark.kwargs:
            found.setdefault(mark.kwargs["turn"], set()).add(_name(mark, item))
    return found


def _name(mark, item):
    return item.nodeid if mark.kwargs.get("by", "module") == "test" else _module(item)


def _module(item):
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def sliced(pytestconfig) -> Sliced:
    """What this run takes of what takes long."""
    return of(pytestconfig)
