"""The longest stop of a guest's writes around the begin of a cycle: checkpoint and frozen view.

The value is of a simulated machine, whose writes have few gaps of their own; what a real guest sees stands
beside it.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from dataclasses import dataclass

from bench.errors import NotMeasured
from bench.figure import Figure, percentile, spread_of
from bench.support import content, guest_gaps
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from rig.background import Background
from secondsite.entry.fabrics import VIEW_KINDS
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB

DISK_BYTES = 64 * MiB
PAGE_BYTES = 4 * KiB
PAUSE_SECONDS = 0.002
CYCLES = 100
APART_SECONDS = 0.2


def measure() -> Figure:
    with TwoSites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        machine.replicate(policy())
        machine.wait_for_point()
        machine.pause()
        machine.cycle_with_point()
        with _Writer(machine) as writer:
            time.sleep(2)
            spans = [_spans(machine) for _ in range(CYCLES)]
    usual = statistics.median(writer.milliseconds(None))
    with_cycle = [max(writer.milliseconds(cycle)) - usual for cycle, _ in spans]
    without = [max(writer.milliseconds(quiet)) - usual for _, quiet in spans]
    p99 = percentile(with_cycle, 0.99)
    guests = {kind: guest_gaps.measured(kind) for kind in VIEW_KINDS[1:]}
    return Figure(
        name="cycle_pause_p99_ms", value=round(p99, 1), unit="ms", goal=50.0, better="lower",
        peer=f"the same in spans as long without a cycle: p99 {percentile(without, 0.99):.1f} ms, p50 "
        f"{percentile(without, 0.5):.1f} ms; a usual write takes {usual:.2f} ms. A real guest under TCG, "
        f"longest time of a second in which no write ended: {_told(guests)}",
        how="the longest write of each cycle, from its order to its sealed point, less what a write "
        f"usually takes: pages of 4 KiB at random, {PAUSE_SECONDS * 1000:.0f} ms between them, over NBD to "
        f"the running machine's storage daemon; p99 of {CYCLES} cycles, p50 "
        f"{percentile(with_cycle, 0.5):.1f} ms. The real guest: busybox dd, O_DIRECT, pages of 4 KiB one "
        f"after the other, by its kernel's own record of their ends, in microseconds; {_counted(guests)}",
        spread=spread_of(with_cycle),
        measured={
            "with_cycle": [round(each, 1) for each in with_cycle],
            "without": [round(each, 1) for each in without],
            "guest": {kind: {"with_cycles": each.on, "without": each.off} for kind, each in guests.items()},
        },
    )  # fmt: skip


def _told(guests: dict[str, guest_gaps.Gaps]) -> str:
    return "; ".join(
        f"by {kind} with cycles p50 {percentile(each.on, 0.5):.1f}, p99 {percentile(each.on, 0.99):.1f}, "
        f"without {percentile(each.off, 0.5):.1f} and {percentile(each.off, 0.99):.1f} ms"
        for kind, each in guests.items()
    )


def _counted(guests: dict[str, guest_gaps.Gaps]) -> str:
    return "; ".join(
        f"by {kind} {each.cycles} cycles in {len(each.on)} s, {len(each.off)} s without, in turn, "
        f"{statistics.mean(each.writes_on):.0f} and {statistics.mean(each.writes_off):.0f} writes a second"
        for kind, each in guests.items()
    )


@dataclass(frozen=True, slots=True)
class _Span:
    began: float
    ended: float


def _spans(machine: Machine) -> tuple[_Span, _Span]:
    """A cycle, and as much time right before it in which there was none."""
    began = time.monotonic()
    machine.cycle_with_point()
    ended = time.monotonic()
    time.sleep(max(APART_SECONDS, 1.5 * (ended - began)))
    quiet = ended + (time.monotonic() - ended) / 2
    return _Span(began, ended), _Span(quiet, quiet + ended - began)


class _Writer(Background):
    """A guest that writes a page, waits a moment, and notes how long each write took."""

    def __init__(self, machine: Machine) -> None:
        super().__init__({"guest": self._run})
        self._guest = simulated.Guest(machine.source.root, machine.fabric_id)
        self._took: list[tuple[float, float]] = []

    def milliseconds(self, span: _Span | None) -> list[float]:
        """How long the writes took that were under way in the span; all of them without one."""
        found = [
            (ended - began) * 1000
            for began, ended in self._took
            if span is None or (began < span.ended and ended > span.began)
        ]
        if not found:
            raise NotMeasured("the guest wrote nothing in the time of a cycle")
        return found

    def _run(self) -> None:
        rng, page = random.Random(1), content.half_compressible(PAGE_BYTES)
        with contextlib.closing(self._guest) as guest:
            while not self.ended.wait(PAUSE_SECONDS):
                place = rng.randrange(DISK_BYTES // PAGE_BYTES) * PAGE_BYTES
                began = time.monotonic()
                guest.write("vda", place, page)
                self._took.append((began, time.monotonic()))
