"""The same figures of the release of 2026-11-20, measured on two cores with a pair like this one."""

from __future__ import annotations

from collections.abc import Mapping

KNOWN: Mapping[str, Mapping[int, str]] = {
    "processor": {100: "5.2 %", 300: "14.5 %", 1000: "50 %"},
    "written": {100: "20 MB", 300: "66 MB", 1000: "211 MB"},
    "rss": {1000: "455 to 940 MB within 20 minutes"},
    "rss_after": {300: "529 MB held after the batch"},
    "list": {
        100: "372 ms (57 ms p50)",
        300: "720 ms (235 ms p50)",
        1000: "2,600 ms (1,300 ms p50), of the whole list",
    },
    "one": dict.fromkeys((100, 300, 1000), "at least 44 ms, as every small answer on a kept connection"),
    "enable": {100: "21 s", 300: "86 s", 1000: "218 s"},
    "failover": {100: "19 s", 300: "40 s"},
    "first": {100: "10 s", 300: "15 s"},
}


def peer(figure: str, machines: int) -> str:
    known = KNOWN.get(figure, {}).get(machines, f"not measured with {machines} machines")
    return f"the release of 2026-11-20: {known}"
