"""Memory that the vault holds with 20 machines under protection."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import resident


def measure() -> Figure:
    return resident.figure("vault_rss_mb", resident.measured().vault, "the vault")
