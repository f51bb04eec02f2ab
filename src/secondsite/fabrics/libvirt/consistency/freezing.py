"""Application consistency: the guest's file systems are frozen while the view is taken, for ten seconds at
most.

The guest agent freezes and thaws; inside the guest it also calls hooks with which applications flush. If
anything goes wrong, the guest is thawed, and the view is crash-consistent with a reason (P20)."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ....domain import errors
from ....ground import durable, threads
from ... import interface
from ...interface import Freeze
from ..host import connection, domain_xml, inventory
from . import lifeline

BUDGET_SECONDS = 10.0
AGENT_SECONDS = 5
WATCHDOG_SECONDS = BUDGET_SECONDS + 2
"""Longer than the budget, so that no view counts as consistent after the watchdog ended it."""
CHANNEL = "org.qemu.guest_agent.0"


class Agents:
    """Freezes guests through their agents. Frozen guests are recorded in `records`."""

    def __init__(self, hypervisor: connection.Hypervisor, records: Path) -> None:
        self._hypervisor = hypervisor
        self._records = records
        self._thaws = Thaws()

    def thaw_left_over(self) -> None:
        """Thaws guests that a dead process left frozen."""
        for record in self._records.glob("*.json"):
            guards = contextlib.ExitStack()
            guards.callback(record.unlink, missing_ok=True)
            self._thaws.begin(record.stem, partial(self._hypervisor.find, record.stem), guards)

    @contextlib.contextmanager
    def frozen(self, domain: Any) -> Iterator[Freeze]:
        """Freezes the guest's file systems inside the context, if possible."""
        freeze = Freeze()
        path = _agent_socket(domain)
        freeze.reason = self._thaws.under_way(domain.UUIDString()) or _unfit(domain, path)
        with contextlib.ExitStack() as guards, contextlib.ExitStack() as frozen:
            if path is not None and freeze.reason is None:
                try:
                    guards.enter_context(on_record(self._records, domain))
                    guards.enter_context(lifeline.tied([self._rescue(domain, path)], WATCHDOG_SECONDS))
                except (OSError, errors.FabricError) as error:
                    freeze.reason = (
                        f"The guest was not frozen, because no watchdog could be started: {error}."
                    )
                else:
                    frozen.enter_context(self._within_budget(domain, freeze, guards))
            yield freeze

    @contextlib.contextmanager
    def _within_budget(self, domain: Any, freeze: Freeze, guards: contextlib.ExitStack) -> Iterator[None]:
        """Freeze inside the context. `guards` stay open until the guest is known to be thawed."""
        timer = threading.Timer(BUDGET_SECONDS, once, [domain])
        started = time.monotonic()
        timer.start()
        try:
            _freeze(domain, freeze)
            yield
        finally:
            in_time = timer.is_alive()
            timer.cancel()
            thawed = once(domain)
            freeze.seconds = time.monotonic() - started
            _judge(freeze, in_time, thawed)
            if thawed is None:
                self._thaws.begin(domain.UUIDString(), lambda: domain, guards.pop_all())

    def _rescue(self, domain: Any, path: str) -> tuple[str, ...]:
        if self._hypervisor.embedded_root is not None:
            return ("agent", path)
        return (connection.virsh(), "-c", self._hypervisor.uri, "domfsthaw", domain.UUIDString())


def _unfit(domain: Any, path: str | None) -> str | None:
    """Why the guest must not be frozen; None if it may be. Only the agent can thaw it again."""
    if path is None:
        return "No guest agent is connected: install and start qemu-guest-agent in the guest."
    try:
        connection.agent_command(domain, json.dumps({"execute": "guest-ping"}), AGENT_SECONDS)
    except errors.SecondsiteError as error:
        return f"The guest agent does not answer: {error.message}"
    return None


def _freeze(domain: Any, freeze: Freeze) -> None:
    try:
        # Hooks of applications may take most of the budget.
        limit = domain.agentSetResponseTimeout
        connection.call("limiting the guest agent", limit, int(BUDGET_SECONDS), 0)
        stand = connection.call(
            "freezing a guest", domain.fsFreeze, None, 0, seconds=BUDGET_SECONDS + AGENT_SECONDS
        )
    except errors.SecondsiteError as error:
        freeze.reason = f"The guest could not be frozen: {error.message}"
        return
    if stand:
        freeze.consistency = "app"
    else:
        freeze.reason = "The guest agent found no file system that it can freeze."


def _judge(freeze: Freeze, in_time: bool, thawed: int | None) -> None:
    """Decide the consistency of a freeze that is over."""
    why = None
    if not in_time:
        why = f"The view took longer than the {BUDGET_SECONDS:.0f} s that a guest may stay frozen."
    elif thawed == 0:
        why = "The guest was thawed by somebody else before the view was taken."
    if freeze.consistency == "app" and why is not None:
        freeze.consistency, freeze.reason = "crash", why
    if thawed is None:
        said = "The guest's agent did not answer the order to thaw it; this is tried again for five minutes."
        freeze.reason = " ".join(filter(None, (freeze.reason, said)))


def _agent_socket(domain: Any) -> str | None:
    root = domain_xml.parse(inventory.live_xml(domain))
    for channel in root.iterfind("devices/channel"):
        target, source = channel.find("target"), channel.find("source")
        if target is None or source is None or target.get("name") != CHANNEL:
            continue
        return source.get("path") if target.get("state") == "connected" else None
    return None


# Thaws frozen guests, whatever happens to the process that froze them. That process thaws them itself. If the
# agent does not answer then (a hanging hook delays the freeze itself), a thread retries in the background. If
# this process dies, the watchdog of `lifeline` thaws. A new process may take the agent's socket before the
# watchdog does, so the guest is also recorded, and the next process thaws it.

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
    """Thaw once; returns how many file systems were thawed (0: it was not frozen), None if the agent did not
    answer."""
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
        """Retries to thaw the guest that `find` returns until it is thawed, off or None, for five minutes at
        most; then closes `guards`."""
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
