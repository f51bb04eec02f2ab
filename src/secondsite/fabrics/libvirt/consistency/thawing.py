"""Thaw frozen guests, whatever happens to the process that froze them.

Whoever freezes a guest thaws it. If the agent does not answer then (a hanging hook delays the freeze itself), a
thread retries in the background. If this process dies, the watchdog of `lifeline` thaws. A new process may take
the agent's socket before the watchdog does, so the guest is also recorded, and the next process thaws it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ....domain import errors
from ....ground import durable, threads
from ... import interface
from ..host import connection, inventory
from . import lifeline

CALL_SECONDS = 20.0
PAUSE_SECONDS = 0.5


@contextlib.contextmanager
def on_record(records: Path, domain: Any) -> Iterator[None]:
    """Record the guest inside the context, so that the next process would thaw it."""
    record = records / f"{domain.UUIDString()}.json"
    durable.write(record, "{}")
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def once(domain: Any) -> int | None:
    """Thaw once; gives how many file systems were thawed (0: it was not frozen), None if the agent did not answer."""
    with contextlib.suppress(errors.SecondsiteError):
        return int(connection.call("thawing a guest", domain.fsThaw, None, 0, seconds=CALL_SECONDS))
    return None


class Thaws:
    """Thaws that continue in the background. No guest is frozen again while one of them may thaw it."""

    def __init__(self) -> None:
        self._fabric_ids: set[str] = set()

    def under_way(self, fabric_id: str) -> str | None:
        """Why this guest must not be frozen now; None if it may be."""
        if fabric_id in self._fabric_ids:
            return (
                "The guest is still being thawed after an earlier freeze, because its agent does not answer."
            )
        return None

    def begin(self, fabric_id: str, find: Callable[[], Any], guards: contextlib.ExitStack) -> None:
        """Retries until the guest that `find` gives is thawed, off or None, for five minutes at most; then closes
        `guards`."""
        self._fabric_ids.add(fabric_id)
        guards.callback(self._fabric_ids.discard, fabric_id)
        threads.worker("thawing", _until_thawed, find, guards).start()


def _until_thawed(find: Callable[[], Any], guards: contextlib.ExitStack) -> None:
    deadline = time.monotonic() + lifeline.RESCUE_SECONDS
    with guards:
        while _may_be_frozen(find) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)


def _may_be_frozen(find: Callable[[], Any]) -> bool:
    try:
        domain = find()
        if domain is None or once(domain) is not None:
            return False
        return inventory.power_of(domain) not in (interface.PowerState.OFF, interface.PowerState.MISSING)
    except errors.NotFound:
        return False
    except errors.SecondsiteError:
        return True
