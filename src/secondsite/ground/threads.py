"""Threads: each has a name and ends with its process; if one dies of an error, that is reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import ParamSpec

What = ParamSpec("What")
Worker = threading.Thread
Died = Callable[[str, BaseException], None]


def worker(name: str, run: Callable[What, object], *what: What.args, **named: What.kwargs) -> Worker:
    """A thread that runs `run(*what, **named)` once started, and does not keep the process from ending.

    What `run` raises goes to the callback of `tell_deaths`, else to standard error.
    """
    return Worker(target=run, args=what, kwargs=named, name=name, daemon=True)


def have_ended(workers: Iterable[Worker], within_seconds: float) -> bool:
    """Wait for all threads, at most this long in total; returns whether all have ended. One that was not
    started counts as ended."""
    until = time.monotonic() + within_seconds
    alive = [each for each in workers if each.is_alive()]
    for each in alive:
        each.join(max(0.0, until - time.monotonic()))
    return not any(each.is_alive() for each in alive)


def tell_deaths(died: Died) -> None:
    """Call `died(name, error)` for every thread of this process that dies of an error."""

    def tell(ending: threading.ExceptHookArgs) -> None:
        error = ending.exc_value or ending.exc_type()
        died(ending.thread.name if ending.thread is not None else "", error)

    threading.excepthook = tell
