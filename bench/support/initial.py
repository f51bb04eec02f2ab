"""Our initial replication and four peers' copies of the same disk, in turn, here or over a slow wire."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, spread_of
from bench.support import content, nbd_peers
from bench.support.link import Link
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import HERE, Place, TwoSites
from secondsite.ground.units import GiB, MiB

DISK_BYTES = 1 * GiB
ROUNDS = 5
OURS = (
    "ours is everything from the order to replicate until the first recovery point is sealed: checkpoints, "
    "reading over NBD in slices, zstd or not, xxh3-128, mutual TLS between two appliance processes, "
    "straight to the head, the apply into the qcow2 chain with digests, flushes and the manifest"
)
THEIRS = (
    "a peer's copy goes from a qemu-nbd of the same disk into a fresh qcow2 behind another, flushed at the "
    "end"
)

Round = dict[str, float]
"""Seconds of each who copies, by name: 'ours', 'nbdcopy_tls', 'nbdcopy', 'qemu_img_tls', 'qemu_img'."""


@dataclass(frozen=True, slots=True)
class Course:
    """Where the sites are, and how many times as fast as a peer we want to be."""

    goal: float
    rate: str | None = None

    @property
    def story(self) -> str:
        return (
            f"over a veth pair shaped to {self.rate} by tc tbf both ways" if self.rate else "on one machine"
        )


BESIDE = Course(1.0)
GIGABIT = Course(1.9, "1gbit")


def figure(name: str, course: Course, peer: str, command: str) -> Figure:
    """How many times as fast as the peer with TLS; the same of the peer in the clear is among what was
    measured."""
    found = rounds(course)
    spread = spread_of(_ratios(found, f"{peer}_tls"))
    clear = spread_of(_ratios(found, peer))
    return Figure(
        name=name, value=spread["median"], unit="x", goal=course.goal, better="higher",
        peer=f"{command}, TLS: {_speeds(found, f'{peer}_tls')} MiB/s; in the clear: {_speeds(found, peer)} "
        f"MiB/s, of which ours with TLS is {clear['median']:.2f} times ({clear['min']:.2f} to "
        f"{clear['max']:.2f})",
        how=f"throughput of ours by that of the peer, {course.story}; {OURS}; {THEIRS}; {DISK_BYTES // MiB} "
        f"MiB, half of it compressible; median of {ROUNDS} rounds in turn",
        spread=spread,
        measured={"in_the_clear": clear,
                  **{f"{who}_seconds": [round(each[who], 3) for each in found] for who in found[0]}},
    )  # fmt: skip


def _ratios(found: tuple[Round, ...], who: str) -> list[float]:
    return [each[who] / each["ours"] for each in found]


def _speeds(found: tuple[Round, ...], who: str) -> str:
    return " ".join(f"{DISK_BYTES / each[who] / MiB:.0f}" for each in found)


@functools.cache
def rounds(course: Course) -> tuple[Round, ...]:
    """Measured once for all figures of a run; every other round goes backwards."""
    with _sites(course) as (sites, a, b):
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        runs = {"ours": lambda: ours(machine), **_peers(sites.folder, machine.disk, a, b)}
        found = []
        for number in range(ROUNDS):
            names = list(runs)[:: -1 if number % 2 else 1]
            seconds = {name: runs[name]() for name in names}
            found.append({name: seconds[name] for name in runs})
    return tuple(found)


@contextlib.contextmanager
def _sites(course: Course) -> Iterator[tuple[TwoSites, Place, Place]]:
    """Both sites, and the places where the peers run."""
    with contextlib.ExitStack() as stack:
        if course.rate is None:
            yield stack.enter_context(TwoSites()), HERE, HERE
            return
        link = stack.enter_context(Link(course.rate))
        places = {site: link.place(site) for site in "ab"}
        yield stack.enter_context(TwoSites(places)), places["a"], places["b"]


def ours(machine: Machine) -> float:
    """Seconds of one initial replication; nothing of it stays."""
    began = time.monotonic()
    machine.replicate(policy())
    machine.wait_for_point()
    seconds = time.monotonic() - began
    machine.forget()
    return seconds


def _peers(folder: Path, disk: Path, a: Place, b: Place) -> dict[str, Callable[[], float]]:
    """Copies from a qemu-nbd at `a`, by a client at `b`, into a fresh qcow2 there."""
    made = nbd_peers.make_certificates(folder / "tls", a.address)

    def run(copy: nbd_peers.Copy, certificates: Path | None) -> float:
        with (
            nbd_peers.serve_target(folder / "peer", DISK_BYTES) as target,
            nbd_peers.serve_source(disk, certificates, a) as port,
        ):
            return copy(port, target, certificates, a.address, b)

    return {
        "nbdcopy_tls": lambda: run(nbd_peers.nbdcopy, made),
        "nbdcopy": lambda: run(nbd_peers.nbdcopy, None),
        "qemu_img_tls": lambda: run(nbd_peers.qemu_img, made),
        "qemu_img": lambda: run(nbd_peers.qemu_img, None),
    }
