"""Our initial replication and three peers' copies of the same disk over the same slow wire, in turn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from secondsite.datapath.units import GiB, MiB

from ..figure import Figure, spread_of
from . import content, initial, nbd_peers
from .link import Link
from .sites import Machine, Sites

RATE = "1gbit"
DISK_BYTES = 1 * GiB
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of each in one round."""

    ours: float
    nbdcopy_tls: float
    nbdcopy: float
    qemu_img: float


@functools.cache
def rounds() -> tuple[Round, ...]:
    """Measured once for all figures of a run; every other round goes backwards."""
    with Link(RATE) as link, Sites({site: link.place(site) for site in "ab"}) as sites:
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        peers = _Peers(link, sites.folder, machine.disk)
        runs: dict[str, Callable[[], float]] = {
            "ours": lambda: initial.ours(machine),
            "nbdcopy_tls": peers.nbdcopy_tls,
            "nbdcopy": peers.nbdcopy,
            "qemu_img": peers.qemu_img,
        }
        found = []
        for number in range(ROUNDS):
            names = list(runs)[:: -1 if number % 2 else 1]
            found.append(Round(**{name: runs[name]() for name in names}))
    return tuple(found)


def figure(name: str, theirs: Callable[[Round], float], peer: str) -> Figure:
    """How many times as fast as the peer."""
    found = rounds()
    spread = spread_of([theirs(each) / each.ours for each in found])
    return Figure(
        name=name, value=spread["median"], unit="x", goal=1.9, better="higher",
        peer=f"{peer}: {_speeds([theirs(each) for each in found])} MiB/s; nbdcopy in the clear: "
        f"{_speeds([each.nbdcopy for each in found])} MiB/s",
        how=f"throughput of ours by that of the peer, over a veth pair shaped to {RATE} by tc tbf both ways; {initial.OURS}; "
        f"{DISK_BYTES // MiB} MiB, half of it compressible; median of {ROUNDS} rounds in turn",
        spread=spread,
        measured={f"{which}_seconds": [round(getattr(each, which), 3) for each in found]
                  for which in ("ours", "nbdcopy_tls", "nbdcopy", "qemu_img")},
    )  # fmt: skip


def _speeds(seconds: list[float]) -> str:
    return " ".join(f"{DISK_BYTES / each / MiB:.0f}" for each in seconds)


class _Peers:
    """Copies from a qemu-nbd at site a, by a client at site b, into a fresh qcow2 there."""

    def __init__(self, link: Link, folder: Path, disk: Path) -> None:
        self._a, self._b = link.place("a"), link.place("b")
        self._folder, self._disk = folder, disk
        self._certificates = nbd_peers.make_certificates(folder / "tls", self._a.address)

    def nbdcopy_tls(self) -> float:
        certificates = self._certificates
        return self._with(
            lambda port, to: nbd_peers.nbdcopy(port, to, certificates, self._a.address, self._b), certificates
        )

    def nbdcopy(self) -> float:
        return self._with(lambda port, to: nbd_peers.nbdcopy(port, to, None, self._a.address, self._b))

    def qemu_img(self) -> float:
        return self._with(lambda port, to: nbd_peers.qemu_img(port, to, self._a.address, self._b))

    def _with(self, copy: Callable[[int, str], float], certificates: Path | None = None) -> float:
        with (
            nbd_peers.serve_target(self._folder / "peer", DISK_BYTES) as target,
            nbd_peers.serve_source(self._disk, certificates, self._a) as port,
        ):
            return copy(port, target)
