"""Memory that an appliance holds with 20 machines under protection: the larger one of source and target."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import resident


def measure() -> Figure:
    found = resident.measured()
    larger = max(found.source, found.target, key=max)
    whose = "the target's appliance" if larger is found.target else "the source's appliance"
    return resident.figure("appliance_rss_mb", larger, whose)
