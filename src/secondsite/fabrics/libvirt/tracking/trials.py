"""Views that are only tried: which machines have one, so that the next process knows of what a dead one left.
They may be of machines without our tag, which nothing else of ours looks at."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ....ground import durable
from ... import interface


class Trials:
    """The notes, one empty file for each machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def noting(self, request: interface.SessionRequest) -> Iterator[None]:
        """A context in which a view on trial is noted. The note stays after an error: a view that could not
        be ended is ended by the next process."""
        if not request.trial:
            yield
            return
        durable.write(self._folder / request.fabric_id, b"")
        yield
        self.forget(request.fabric_id)

    def noted(self) -> list[str]:
        """Ids of the machines whose views on trial were not ended."""
        return sorted(path.name for path in self._folder.glob("*"))

    def forget(self, fabric_id: str) -> None:
        (self._folder / fabric_id).unlink(missing_ok=True)
