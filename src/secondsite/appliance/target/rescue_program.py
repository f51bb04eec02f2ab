"""Puts the program that starts machines from the store alone into the store: where it is needed there may be
nothing else."""

from pathlib import Path

import structlog

from ...ground import durable, real_files
from ...rescue import NAME, bundle

log = structlog.get_logger(__name__)


def put(store: Path) -> None:
    """Write this release's program into the store, in place of what is there. An error is ignored: a store
    that cannot be written has findings of its own."""
    path, content = store / NAME, bundle()
    try:
        if not path.exists() or real_files.content(path) != content:
            durable.write(path, content)
        path.chmod(0o755)
    except OSError as error:
        log.warning("rescue-file.not-written", path=str(path), problem=str(error))
