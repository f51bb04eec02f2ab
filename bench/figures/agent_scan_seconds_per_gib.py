"""What the agent takes of a processor to tell the digests of a GiB."""

from __future__ import annotations

import contextlib
import os

from bench.figure import Figure, spread_of
from bench.support import followed
from secondsite.ground.units import GiB, KiB

ROUNDS = 5
BLOCK, BATCH = 64 * KiB, 128


def measure() -> Figure:
    with contextlib.ExitStack() as stack:
        machine = followed.Machine(stack)
        _fill(machine)
        agent = followed.Agent(machine)
        stack.callback(agent.close)
        spread = spread_of([_scan(agent) for _ in range(ROUNDS)])
    return Figure(
        name="agent_scan_seconds_per_gib", value=spread["median"], unit="s", goal=0.3, better="lower",
        peer="none",
        how=f"processor time of the agent for the digests of {followed.DISK_BYTES // 2**20} MiB on a loop "
        "device of this machine, all of it written and read past the page cache: xxh3 of each 64 KiB and of "
        "each 4 KiB of them, as fast as it can; a GiB of that",
        spread=spread,
    )  # fmt: skip


def _fill(machine: followed.Machine) -> None:
    with (machine.mount / "full").open("wb") as file, contextlib.suppress(OSError):
        while file.write(os.urandom(4 << 20)):
            pass
    os.sync()


def _scan(agent: followed.Agent) -> float:
    before, blocks = agent.processor_seconds(), followed.DISK_BYTES // BLOCK
    for first in range(0, blocks, BATCH):
        agent.ask("digests", disk=agent.machine.key, first=first, count=min(BATCH, blocks - first))
    return (agent.processor_seconds() - before) * GiB / followed.DISK_BYTES
