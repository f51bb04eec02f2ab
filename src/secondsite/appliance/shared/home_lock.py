"""One process at a time in an appliance's home, and in its store: there a rescue may be at work that knows
no home."""

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
    """The same for all its stores, with the home locked already; one that is not mounted is left alone.
    Raises NotPossibleNow."""
    private_folders.make_way(config.store)
    config.store.mkdir(exist_ok=True)
    with contextlib.ExitStack() as locks:
        for store in config.all_stores.values():
            if store != config.home and store.is_dir():
                what = (
                    f"Somebody starts machines from {store} without the appliance, or another appliance has "
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
