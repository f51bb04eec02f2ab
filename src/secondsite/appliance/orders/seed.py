"""The order that imports shipped copies."""

import time

from ...domain.amounts import size, span
from ...wire.control.checks import ImportSeed, SeedFact
from .context import Context


def import_seed(context: Context, payload: ImportSeed) -> tuple[str, SeedFact]:
    """Import seeds into a new replica, one that has received no cycle."""
    began = time.monotonic()
    hosted = context.hosted()
    try:
        done = context.parts.seeds.bring_in(hosted, payload.seeds, context.progress)
    finally:
        # an interrupted slice is cleaned up before cycles arrive
        context.parts.work.wanted(hosted)
    seconds = time.monotonic() - began
    size_bytes = sum(each.size_bytes for each in payload.seeds)
    names = ", ".join(f"{each.key} from {each.path}" for each in payload.seeds)
    return (
        f"imported {names}: {size(done.data_bytes)} of data, disks of {size(size_bytes)}, in {span(seconds)}",
        SeedFact(data_bytes=done.data_bytes, size_bytes=size_bytes, seconds=seconds),
    )
