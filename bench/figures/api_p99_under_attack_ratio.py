"""How much slower the slowest answers of the API are while strangers attack all ports."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.support import attacked


def measure() -> Figure:
    seen = attacked.measured()
    usual, under = (sorted(each.kept + each.new) for each in (seen.without, seen.under))
    return Figure(
        name="api_p99_under_attack_ratio", value=round(percentile(under, 0.99) / percentile(usual, 0.99), 2),
        unit="", goal=2.0, better="lower",
        peer=f"the same in the spans between: p50 {percentile(usual, 0.5) * 1000:.1f} ms, p99 "
        f"{percentile(usual, 0.99) * 1000:.1f} ms; under attack p50 {percentile(under, 0.5) * 1000:.1f} ms, "
        f"p99 {percentile(under, 0.99) * 1000:.1f} ms",
        how=(
            f"GET /api/machines on a kept and on a new connection in turn. {attacked.HOW}; they made "
            f"{seen.made} connections"
        ),
        spread=spread_of([each * 1000 for each in under]),
        measured={"usual_ms": spread_of([each * 1000 for each in usual]),
        "connections_of_strangers": seen.made},
    )  # fmt: skip
