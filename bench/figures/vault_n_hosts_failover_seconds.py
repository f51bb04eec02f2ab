"""How long a failover of N machines takes whose replicas ten hosts keep in stores that all of them reach, and
what it costs that one of the hosts is dead."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair.hosts import HOSTS, measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    return Figure(
        name=f"vault_{machines}_hosts_failover_seconds", value=round(found.lost.seconds, 1), unit="s",
        goal=20.0, better="lower",
        peer=(
            f"one host {found.one.seconds:.1f} s, ten hosts {found.ten.seconds:.1f} s, in the same run"
        ),
        how=(
            f"from the request to the end of the last machine's job; of {HOSTS} hosts one is dead, and the "
            "others take its machines over"
        ),
        measured={
            "one_host_seconds": round(found.one.seconds, 1), "ten_hosts_seconds": round(found.ten.seconds, 1),
            "first_seconds": round(found.lost.first_seconds, 2),
        },
    )  # fmt: skip
