"""Puts the program that starts machines from the store alone into the store: where it is needed there may be
nothing else. And remembers for which machine a replica's start description was written: the order contains
all machines whenever one of them changes."""

from pathlib import Path

import structlog

from ...ground import durable, real_files
from ...rescue import NAME, bundle
from ...wire.control.rescue_manifest import RescueMachine

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


class StartDescription:
    """For which machine a replica's start description was written since this process began, and at which
    point. None: at none."""

    def __init__(self) -> None:
        self.machine: RescueMachine | None = None
        self.digest = ""
        """Of what it was made from, as whoever writes it makes one."""
        self.point_id: str | None = None
        """The newest point when it was looked at last."""

    def note(self, machine: RescueMachine, digest: str, point_id: str | None) -> None:
        self.machine, self.digest, self.point_id = machine, digest, point_id
