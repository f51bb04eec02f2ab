"""Which figures there are: one file each in `figures/`, named like the figure, with `measure() -> Figure`.

A file with `_n_` in its name is a figure for each number of machines: `measure(machines)`, named with the
number.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType
from typing import cast

from bench import figures
from bench.figure import Figure

FIRST = (
    "initial_replication_vs_nbdcopy_tls",
    "initial_replication_vs_qemu_img",
    "cycle_seconds",
    "rpo_p99_seconds_one_guest",
    "failover_to_console_vs_bare_boot",
    "wire_bytes_vs_changed",
)
ONLY_WHEN_NAMED = ("vault_n_rss_mb_after_an_hour",)
"""They take too long for a run of all."""
MACHINES = 1000
"""Unless the name says another number."""
NUMBER = re.compile(r"_([1-9]\d*)_")


def names() -> list[str]:
    """All figures but those that are only measured when they are named: the first ones in their order,
    then the others by name."""
    found = {name.replace("_n_", f"_{MACHINES}_") for name in _files() if name not in ONLY_WHEN_NAMED}
    return [name for name in FIRST if name in found] + sorted(found - set(FIRST))


def is_known(name: str) -> bool:
    """Also with another number of machines than `names` gives."""
    return "_n_" not in name and _file(name) in _files()


def what(name: str) -> str:
    """The first line of a figure's story."""
    story = _module(name).__doc__ or ""
    return story.strip().splitlines()[0]


def measure(name: str) -> Figure:
    """Measure one figure."""
    module, number = _module(name), NUMBER.search(name)
    if number is None or _file(name) == name:
        return cast(Callable[[], Figure], module.measure)()
    return cast(Callable[[int], Figure], module.measure)(int(number[1]))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{figures.__name__}.{_file(name)}")


def _file(name: str) -> str:
    """The file whose figure has that name: its own, or one for any number of machines."""
    return name if name in _files() else NUMBER.sub("_n_", name, count=1)


def _files() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(figures.__path__)}
