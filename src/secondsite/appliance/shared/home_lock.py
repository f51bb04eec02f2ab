"""Locks an appliance's home and its stores for one process at a time: `secondsite-rescue` works in a store
and knows no home."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ...domain import errors
from ...ground.lockfile import LockFile
from . import home_reserve, private_folders
from .config import ApplianceConfig

FILE = "appliance.lock"


@contextlib.contextmanager
def alone(home: Path, within_seconds: float = 0) -> Iterator[None]:
    """Lock the home inside the context; the lock ends with the process. Raises NotPossibleNow if another
    process still has it after `within_seconds`."""
    what = f"An appliance runs in {home}."
    with _locked(home, within_seconds, what, "Stop it first: 'systemctl stop secondsite-appliance'."):
        with home_reserve.given(home):
            yield


@contextlib.contextmanager
def alone_in_stores(config: ApplianceConfig, within_seconds: float = 0) -> Iterator[None]:
    """Lock all its stores inside the context, with the home locked already; a store that is not mounted is
    left alone. Raises NotPossibleNow."""
    private_folders.make_way(config.store)
    config.store.mkdir(exist_ok=True)
    with contextlib.ExitStack() as locks:
        for store in config.all_stores.values():
            if store != config.home and store.is_dir():
                what = (
                    f"Somebody starts machines from {store} without the appliance, or another appliance uses "
                    "it."
                )
                do = "Wait until that is done, and start it again."
                locks.enter_context(_locked(store, within_seconds, what, do))
        yield


@contextlib.contextmanager
def _locked(folder: Path, within_seconds: float, what: str, do: str) -> Iterator[None]:
    lock = LockFile(folder / FILE)
    if not lock.take(within_seconds):
        raise errors.NotPossibleNow(what, do=do)
    try:
        yield
    finally:
        lock.release()
