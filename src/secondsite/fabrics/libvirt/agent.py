"""Application consistency: the guest's file systems stand frozen while the view is taken, ten seconds at most.

The guest agent freezes and thaws; inside the guest it also calls hooks, by which applications flush. Whatever goes
wrong, the guest is thawed, and the view is then crash-consistent with a reason (P20).
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from ...domain import errors
from ..interface import Freeze
from . import connection, domain_xml, inventory, lifeline

BUDGET_SECONDS = 10.0
AGENT_SECONDS = 5
THAW_ATTEMPTS = 3
CHANNEL = "org.qemu.guest_agent.0"


@contextlib.contextmanager
def frozen(hypervisor: connection.Connection, domain: Any, wanted: bool) -> Iterator[Freeze]:
    """The guest's file systems are frozen inside the context when that is `wanted` and possible."""
    freeze = Freeze()
    if not wanted:
        yield freeze
        return
    path = _agent_socket(domain)
    if path is None:
        freeze.reason = "No guest agent is connected: install and start qemu-guest-agent in the guest."
        yield freeze
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lifeline.tied([_rescue(hypervisor, domain, path)], BUDGET_SECONDS))
            stack.enter_context(_frozen_with_budget(domain, freeze))
        except OSError as error:
            freeze.reason = f"The guest was not frozen, for no watchdog could be started: {error}."
        yield freeze


@contextlib.contextmanager
def _frozen_with_budget(domain: Any, freeze: Freeze) -> Iterator[None]:
    try:
        # An agent that does not answer now must not be trusted with a freeze, which only it can end.
        connection.agent_command(domain, json.dumps({"execute": "guest-ping"}), AGENT_SECONDS)
    except errors.SecondsiteError as error:
        freeze.reason = f"The guest agent does not answer: {error.message}"
        yield
        return
    timer = threading.Timer(BUDGET_SECONDS, _thaw, [domain])
    started = time.monotonic()
    timer.start()
    try:
        _freeze(domain, freeze)
        yield
    finally:
        in_time = timer.is_alive()
        timer.cancel()
        thawed = _thaw(domain)
        freeze.seconds = time.monotonic() - started
        _judge(freeze, in_time, thawed, domain.name())


def _freeze(domain: Any, freeze: Freeze) -> None:
    try:
        connection.call("limiting the guest agent", domain.agentSetResponseTimeout, AGENT_SECONDS, 0)
        connection.call("freezing a guest", domain.fsFreeze, None, 0, seconds=BUDGET_SECONDS)
        freeze.consistency = "app"
    except errors.SecondsiteError as error:
        freeze.reason = f"The guest could not be frozen: {error.message}"


def _thaw(domain: Any) -> bool:
    """Whether the guest is known to go on; thawing one that is not frozen does no harm."""
    for _ in range(THAW_ATTEMPTS):
        with contextlib.suppress(errors.SecondsiteError):
            connection.call("thawing a guest", domain.fsThaw, None, 0, seconds=BUDGET_SECONDS)
            return True
    return False


def _judge(freeze: Freeze, in_time: bool, thawed: bool, name: str) -> None:
    if freeze.consistency == "app" and not in_time:
        freeze.consistency = "crash"
        freeze.reason = f"The view took longer than the {BUDGET_SECONDS:.0f} s that a guest may stay frozen."
    if not thawed:
        freeze.reason = f"The guest may still be frozen: run 'virsh domfsthaw {name}' and look at its agent."


def _agent_socket(domain: Any) -> str | None:
    root = domain_xml.parse(inventory.live_xml(domain))
    for channel in root.iterfind("devices/channel"):
        target, source = channel.find("target"), channel.find("source")
        if target is None or source is None or target.get("name") != CHANNEL:
            continue
        return source.get("path") if target.get("state") == "connected" else None
    return None


def _rescue(hypervisor: connection.Connection, domain: Any, path: str) -> tuple[str, ...]:
    if hypervisor.embedded_root is not None:
        return ("agent", path)
    return ("virsh", "-c", hypervisor.uri, "domfsthaw", domain.UUIDString())
