"""Application consistency: the guest's file systems stand frozen while the view is taken, ten seconds at most.

The guest agent freezes and thaws; inside the guest it also calls hooks, by which applications flush. Whatever goes
wrong, the guest is thawed, and the view is then crash-consistent with a reason (P20).
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ...domain import errors
from ..interface import Freeze
from . import connection, domain_xml, inventory, lifeline, thawing

BUDGET_SECONDS = 10.0
AGENT_SECONDS = 5
WATCHDOG_SECONDS = BUDGET_SECONDS + 2
"""Longer than the budget, so that no view is called consistent which the watchdog ended."""
CHANNEL = "org.qemu.guest_agent.0"


class Agents:
    """Freezes guests by their agents. Guests that stand frozen are on record in `records`."""

    def __init__(self, hypervisor: connection.Connection, records: Path) -> None:
        self._hypervisor = hypervisor
        self._records = records
        self._thaws = thawing.Thaws()

    def thaw_left_over(self) -> None:
        """Guests that a holder left frozen when it died go on, soon."""
        for record in self._records.glob("*.json"):
            guards = contextlib.ExitStack()
            guards.callback(record.unlink, missing_ok=True)
            self._thaws.begin(record.stem, partial(self._hypervisor.find, record.stem), guards)

    @contextlib.contextmanager
    def frozen(self, domain: Any) -> Iterator[Freeze]:
        """The guest's file systems are frozen inside the context, when that is possible."""
        freeze = Freeze()
        path = _agent_socket(domain)
        freeze.reason = self._thaws.under_way(domain.UUIDString()) or _unfit(domain, path)
        with contextlib.ExitStack() as guards, contextlib.ExitStack() as frozen:
            if path is not None and freeze.reason is None:
                try:
                    guards.enter_context(thawing.on_record(self._records, domain))
                    guards.enter_context(lifeline.tied([self._rescue(domain, path)], WATCHDOG_SECONDS))
                except OSError as error:
                    freeze.reason = f"The guest was not frozen, for no watchdog could be started: {error}."
                else:
                    frozen.enter_context(self._within_budget(domain, freeze, guards))
            yield freeze

    @contextlib.contextmanager
    def _within_budget(self, domain: Any, freeze: Freeze, guards: contextlib.ExitStack) -> Iterator[None]:
        """`guards` are kept for as long as the guest is not known to be thawed."""
        timer = threading.Timer(BUDGET_SECONDS, thawing.once, [domain])
        started = time.monotonic()
        timer.start()
        try:
            _freeze(domain, freeze)
            yield
        finally:
            in_time = timer.is_alive()
            timer.cancel()
            thawed = thawing.once(domain)
            freeze.seconds = time.monotonic() - started
            _judge(freeze, in_time, thawed)
            if thawed is None:
                self._thaws.begin(domain.UUIDString(), lambda: domain, guards.pop_all())

    def _rescue(self, domain: Any, path: str) -> tuple[str, ...]:
        if self._hypervisor.embedded_root is not None:
            return ("agent", path)
        return ("virsh", "-c", self._hypervisor.uri, "domfsthaw", domain.UUIDString())


def _unfit(domain: Any, path: str | None) -> str | None:
    """Why the agent must not be trusted with a freeze, which only it can end."""
    if path is None:
        return "No guest agent is connected: install and start qemu-guest-agent in the guest."
    try:
        connection.agent_command(domain, json.dumps({"execute": "guest-ping"}), AGENT_SECONDS)
    except errors.SecondsiteError as error:
        return f"The guest agent does not answer: {error.message}"
    return None


def _freeze(domain: Any, freeze: Freeze) -> None:
    try:
        # hooks flush applications, which may take most of the budget
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
    """The last word on the freeze, now that it is over."""
    why = None
    if not in_time:
        why = f"The view took longer than the {BUDGET_SECONDS:.0f} s that a guest may stay frozen."
    elif thawed == 0:
        why = "The guest was thawed by somebody else before the view was taken."
    if freeze.consistency == "app" and why is not None:
        freeze.consistency, freeze.reason = "crash", why
    if thawed is None:
        said = "Its agent did not answer when it was to be thawed; this is tried for five minutes."
        freeze.reason = " ".join(filter(None, (freeze.reason, said)))


def _agent_socket(domain: Any) -> str | None:
    root = domain_xml.parse(inventory.live_xml(domain))
    for channel in root.iterfind("devices/channel"):
        target, source = channel.find("target"), channel.find("source")
        if target is None or source is None or target.get("name") != CHANNEL:
            continue
        return source.get("path") if target.get("state") == "connected" else None
    return None
