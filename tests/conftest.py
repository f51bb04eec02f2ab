"""What every test gets: hypothesis without a clock, a short folder, and a check that no process stays
behind."""

import contextlib
import gc
import os
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
import structlog

from rig import forking, preset
from tests.support import seconds as kept_seconds

HERE = Path(__file__).parent
STORE = HERE / "vault" / "store"
LONG = ("slow", "guest")
MIGRATED = (*(STORE / f"test_{name}.py" for name in ("store", "migration", "released")), HERE / "upgrade")

pytest_plugins = ["tests.support.summary", "tests.support.slices", "tests.support.since"]

gc.disable()  # until all is collected: a quarter of the collection

hypothesis.settings.register_profile("secondsite", deadline=None)
hypothesis.settings.load_profile("secondsite")

# structlog's own choice, tracebacks with all variables in colours, took a quarter of the vault's tests
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def _module(item):
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items):
    """Put the modules in their places (`_places`), once pytest has put all in its order."""
    chosen = yield
    seconds: dict[str, int] = dict.fromkeys((_module(item) for item in items), 0)
    for item in items:
        guessed = (
            60 if item.get_closest_marker("longest") else 3 if any(map(item.get_closest_marker, LONG)) else 0
        )
        seconds[_module(item)] = max(seconds[_module(item)], guessed)
    seconds |= {module: took for module, took in kept_seconds.kept().items() if module in seconds}
    places = _places(seconds, {_module(item) for item in items if item.get_closest_marker("guest")})
    items.sort(key=lambda item: places[_module(item)])
    return chosen


def _places(seconds, with_guests):
    """Where in a run, 0 to 1, each module comes: those that take long begin, so that the workers end at about
    the same time; those with guests are spread over it, since at a load of 25, which they made when all came
    first, guests were not ready in time."""
    places = {}
    for of_guests in (True, False):
        modules = [module for module in seconds if (module in with_guests) == of_guests]
        total, before = max(1, sum(seconds[module] for module in modules)), 0
        for module in sorted(modules, key=lambda each: -seconds[each]):
            places[module] = before / total
            before += seconds[module]
    return places


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """What the migrations make is judged by the tests of the store and of upgrades; all others take a copy
    of it."""
    judged = any(place in (item.path, *item.path.parents) for place in MIGRATED)
    if judged or "secondsite.vault.store" not in sys.modules:
        return (yield)
    with preset.in_use():
        return (yield)


def pytest_collection_finish():
    """What the collection made stays to the end: not looked through again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()


def children(of: int | str = "self") -> dict[int, str]:
    """Pids and command lines of a process's live children."""
    found = {}
    for task in Path(f"/proc/{of}/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that has just ended
            continue
        for pid in pids:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if command and "resource_tracker" not in command:
                found[int(pid)] = command
    return found


@pytest.fixture(scope="session", autouse=True)
def no_process_stays_behind():
    before = set(children())
    yield
    with contextlib.closing(forking.shared()) as forks:
        forked = {} if forks.pid is None else children(forks.pid)
        left = {
            pid: command for pid, command in children().items() if pid not in {*before, forks.pid}
        } | forked
    assert not left, f"tests of worker {os.environ.get('PYTEST_XDIST_WORKER', 'main')} left processes: {left}"


@pytest.fixture
def tmp_path():
    """A folder of the test's own. Its name is short, since a UNIX socket's path holds 107 bytes and
    libvirt alone adds 50; pytest's own names, longer still with xdist, are too long for that."""
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
