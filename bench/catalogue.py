"""Which figures there are: one file each in `figures/`, named like the figure, with `measure() -> Figure`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
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


def names() -> list[str]:
    """All figures: the first ones in their order, then the others by name."""
    found = {module.name for module in pkgutil.iter_modules(figures.__path__)}
    return [name for name in FIRST if name in found] + sorted(found - set(FIRST))


def what(name: str) -> str:
    """The first line of a figure's story."""
    story = importlib.import_module(f"{figures.__name__}.{name}").__doc__ or ""
    return story.strip().splitlines()[0]


def measure(name: str) -> Figure:
    """Measure one figure."""
    module = importlib.import_module(f"{figures.__name__}.{name}")
    return cast(Callable[[], Figure], module.measure)()
