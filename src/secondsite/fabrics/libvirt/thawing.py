"""Let frozen guests go on, whatever became of who froze them.

Whoever freezes a guest thaws it. When the agent does not answer then (a hook that hangs delays the freeze itself), a
thread tries on in the background. When this process dies, the watchdog of `lifeline` thaws; and as a new process may
take the agent's socket before the watchdog does, the guest also stands on record, and the next process thaws it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...domain import errors
from .. import interface
from . import connection, durable, inventory, lifeline

CALL_SECONDS = 20.0
PAUSE_SECONDS = 0.5


@contextlib.contextmanager
def on_record(records: Path, domain: Any) -> Iterator[None]:
    """Inside the context the next process would thaw this guest."""
    record = records / f"{domain.UUIDString()}.json"
    durable.write(record, "{}")
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def once(domain: Any) -> int | None:
    """How many file systems were thawed, 0 for a guest that was not frozen; None when its agent did not answer."""
    with contextlib.suppress(errors.SecondsiteError):
        return int(connection.call("thawing a guest", domain.fsThaw, None, 0, seconds=CALL_SECONDS))
    return None


class Thaws:
    """Those that go on in the background. No guest is frozen anew while one of them may thaw it."""

    def __init__(self) -> None:
        self._fabric_ids: set[str] = set()

    def under_way(self, fabric_id: str) -> str | None:
        """Why this guest is not to be frozen now."""
        if fabric_id in self._fabric_ids:
            return "The guest is still being thawed after an earlier freeze, for its agent does not answer."
        return None

    def begin(self, fabric_id: str, find: Callable[[], Any], guards: contextlib.ExitStack) -> None:
        """Tries until the guest that `find` gives is thawed, off or None, five minutes at most; then leaves `guards`."""
        self._fabric_ids.add(fabric_id)
        guards.callback(self._fabric_ids.discard, fabric_id)
        threading.Thread(target=_until_thawed, args=[find, guards], daemon=True, name="thawing").start()


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
