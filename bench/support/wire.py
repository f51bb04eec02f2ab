"""What a load costs on the wire, against the compressed size of the pages that it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backports import zstd

from bench.figure import Figure, spread_of
from bench.support import content, loads
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB

DISK_BYTES = 256 * MiB
CYCLES = 4


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes of several cycles of one load."""

    wire_bytes: tuple[int, ...]
    changed_bytes: tuple[int, ...]

    @property
    def ratios(self) -> list[float]:
        return [wire / changed for wire, changed in zip(self.wire_bytes, self.changed_bytes, strict=True)]


def run(*kinds: Callable[[int, int], loads.Load]) -> list[Wire]:
    """Each load on a machine whose disk is full, with a cycle after each round."""
    with TwoSites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        machine.replicate(policy())
        machine.wait_for_point()
        machine.pause()
        machine.cycle_with_point()
        return [_of(sites, machine, load) for load in kinds]


def figure(name: str, load: Callable[[int, int], loads.Load]) -> Figure:
    """The figure of one load."""
    found = run(load)[0]
    spread = spread_of(found.ratios)
    return Figure(
        name=name, value=spread["median"], unit="x", goal=1.1, better="lower",
        peer=(
            f"zstd -1 of the changed 4 KiB blocks: {' '.join(str(each) for each in found.changed_bytes)} "
            "bytes"
        ),
        how=f"wire bytes of a cycle, with all of its headers, by that size; median of {CYCLES} cycles on a "
        "full disk of half-compressible data",
        spread=spread, measured={"wire": found.wire_bytes, "changed": found.changed_bytes},
    )  # fmt: skip


def _of(sites: TwoSites, machine: Machine, load: Callable[[int, int], loads.Load]) -> Wire:
    wire, changed = [], []
    for number in range(CYCLES):
        writes = load(DISK_BYTES, number + 1)
        with simulated.Guest(sites.a.root, machine.fabric_id) as guest:
            for offset, data in writes:
                guest.write("vda", offset, data)
            guest.flush("vda")
        wire.append(int(machine.cycle_with_point()["wire_bytes"]))
        changed.append(_compressed(loads.pages(writes)))
    return Wire(tuple(wire), tuple(changed))


def _compressed(pages: dict[int, bytes]) -> int:
    """zstd level 1 over the pages in the order of the disk."""
    return len(zstd.compress(b"".join(pages[offset] for offset in sorted(pages)), 1))
