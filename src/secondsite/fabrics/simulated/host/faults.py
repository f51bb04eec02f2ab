"""Faults and delays, set also from another process while the fabric is in use.

Methods are named as in the interface: 'power.start', 'tracking.open', 'hosting.create', ... Faults are in
`ROOT/faults.json`, so that every process of the site meets them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import pydantic

from ....domain import errors
from ....wire.common.base import Shape
from . import files

NAME = "faults.json"


class Fault(Shape):
    """What happens at a call of `method` (a name or a pattern such as 'tracking.*'), before or after its
    effect.

    With `nth` it happens once, at the n-th matching call since it was set; else at every call.
    A delay comes first; then `kill` ends the calling process with SIGKILL, or `code` raises that error.
    """

    method: str
    nth: int | None = None
    machine: str | None = None
    when: Literal["before", "after"] = "before"
    delay_seconds: float = 0.0
    kill: bool = False
    code: str | None = None
    message: str = "A dialled fault."
    do: str = "Take the fault out of faults.json."

    def concerns(self, method: str, machine: str | None, when: str) -> bool:
        return self.when == when and fnmatchcase(method, self.method) and self.machine in (None, machine)


_FAULTS = pydantic.TypeAdapter(tuple[Fault, ...])


def dial(root: Path, faults: Sequence[Fault]) -> None:
    """Replace the faults of a site; an empty list removes all."""
    with files.locked(root / "faults.lock", 10, "dial faults"):
        _store(root, tuple(faults))


class Faults:
    """The faults as one fabric object meets them. `delay_seconds` is the least and the most delay of every
    call."""

    def __init__(self, root: Path, delay_seconds: tuple[float, float]) -> None:
        self._root = root
        self._delay_seconds = delay_seconds
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def around(self, method: str, machine: str | None = None) -> Iterator[None]:
        """The effect of one call happens inside."""
        if self._delay_seconds[1] > 0:
            time.sleep(random.uniform(*self._delay_seconds))
        self._meet(method, machine, "before")
        yield
        self._meet(method, machine, "after")

    def _meet(self, method: str, machine: str | None, when: str) -> None:
        for fault in self._due(method, machine, when):
            time.sleep(fault.delay_seconds)
            if fault.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            if fault.code is not None:
                raise errors.from_wire(fault.code, fault.message, fault.do)

    def _due(self, method: str, machine: str | None, when: str) -> list[Fault]:
        """The faults of this call; counts the call for other matching faults."""
        if not (self._root / NAME).exists():
            return []
        with self._guard, files.locked(self._root / "faults.lock", 10, "read the dialled faults"):
            dialled = _load(self._root)
            due = [one for one in dialled if one.concerns(method, machine, when) and one.nth in (None, 1)]
            rest = tuple(
                _nearer(one, method, machine, when) for one in dialled if one not in due or one.nth is None
            )
            if rest != dialled:
                _store(self._root, rest)
        return due


def _nearer(fault: Fault, method: str, machine: str | None, when: str) -> Fault:
    if fault.nth is None or not fault.concerns(method, machine, when):
        return fault
    return fault.model_copy(update={"nth": fault.nth - 1})


def _load(root: Path) -> tuple[Fault, ...]:
    try:
        return _FAULTS.validate_json((root / NAME).read_bytes())
    except FileNotFoundError:
        return ()


def _store(root: Path, faults: tuple[Fault, ...]) -> None:
    if faults:
        files.replace(root / NAME, _FAULTS.dump_json(faults, indent=2).decode())
    else:
        (root / NAME).unlink(missing_ok=True)
