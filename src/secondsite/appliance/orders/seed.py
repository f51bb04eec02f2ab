"""The order that imports shipped copies."""

import time

from ...wire.checks import ImportSeed, SeedFact
from .context import Context


def import_seed(context: Context, payload: ImportSeed) -> tuple[str, SeedFact]:
    """The replica must be new: made, and no cycle received."""
    began = time.monotonic()
    hosted = context.hosted()
    try:
        done = context.parts.seeds.bring_in(hosted, payload.seeds, context.progress)
    finally:
        # a slice that broke off is cleared away before cycles come
        context.parts.work.wanted(hosted)
    seconds = time.monotonic() - began
    size_bytes = sum(each.size_bytes for each in payload.seeds)
    names = ", ".join(f"{each.key} from {each.path}" for each in payload.seeds)
    return (
        f"imported {names}: {done.data_bytes / 1e6:.1f} MB of data, disks of {size_bytes / 1e9:.2f} GB, in {seconds:.1f} s",
        SeedFact(data_bytes=done.data_bytes, size_bytes=size_bytes, seconds=seconds),
    )
