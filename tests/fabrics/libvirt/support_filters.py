"""What filters leave in a QEMU whose owner died."""

import os
import signal

from tests.fabrics.support_lifelines import lifelines_of


def nodes_of_nobody(held):
    """Our nodes in QEMU."""
    nodes = held.monitor_of_nobody("query-named-block-nodes")
    return sorted(node["node-name"] for node in nodes if node["node-name"].startswith("ss-"))


def what_is_left(held):
    """All that a view consists of."""
    files = [each for each in held.monitor_of_nobody("query-fdsets") if each["fds"]]
    deltas = [
        bitmap["name"]
        for node in held.monitor_of_nobody("query-named-block-nodes")
        for bitmap in node.get("dirty-bitmaps", ())
        if bitmap.get("name") == "ss-delta"
    ]
    return nodes_of_nobody(held) + files + deltas + held.monitor_of_nobody("query-block-exports")


def with_its_watchdog(held):
    (lifeline,) = lifelines_of(held.process.pid)
    os.kill(lifeline, signal.SIGKILL)
    held.kill()
