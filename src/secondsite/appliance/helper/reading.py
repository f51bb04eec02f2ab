"""What is asked of a helper machine: the volumes of a point, the files of a folder, and files themselves."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ...domain import errors
from ...domain.machines import guest_paths
from . import answers, extracting, image, judged_archive, kernel, machine
from .answers import File, Volume
from .dialogue import Dialogue
from .extracting import Extracted, Told
from .machine import Export

Names = tuple[bytes, ...]
"""The names of a path: the first is that of a volume."""


@dataclass(slots=True)
class Reader:
    """Asks one helper machine about one point. Every call raises NotPossibleNow, and NotFound for a volume
    that there is not."""

    dialogue: Dialogue
    keys: Sequence[str]
    lacks: frozenset[str]
    _volumes: list[Volume] = field(default_factory=list)

    def volumes(self) -> list[Volume]:
        """Those that hold files, or would if the host had what reads them."""
        if not self._volumes:
            self.dialogue.ask("volumes")
            said = self.dialogue.read_until(b"\0", answers.LONGEST_VOLUMES)
            self.dialogue.end()
            self._volumes = [each for each in answers.volumes(said, self.keys) if not self._is_part(each)]
        return self._volumes

    def files(self, path: Names, after: bytes, most: int) -> tuple[list[File], bool]:
        """Of a folder, or a file itself, those with names after that one, and whether there are more."""
        volume = self._readable(path)
        self.dialogue.ask("list", volume.device, _below(path))
        wanted = (each for each in answers.files(self.dialogue.read_until) if each.name > after)
        found = list(islice(wanted, most))
        more = next(wanted, None) is not None
        if not more:
            self.dialogue.end()
        return found, more

    def fetch(self, path: Names, into: int, name: str, most_bytes: int, told: Told) -> Extracted:
        """Make what the path names, with all below, as `name` in a folder that is open. Raises OSError, too;
        then some of it may be there."""
        volume = self._readable(path)
        self.dialogue.ask("fetch", volume.device, _below(path))
        found = extracting.extract(self.dialogue.read, into, name, most_bytes, told)
        self.dialogue.end()
        return found

    def archive(self, path: Names, found: Extracted) -> Iterator[bytes]:
        """A tar archive of what the path names, with all below, piece by piece; `found` counts what is in it.
        The last piece comes only if all was read."""
        volume = self._readable(path)
        self.dialogue.ask("fetch", volume.device, _below(path))
        yield from judged_archive.pieces(self.dialogue.read, path[-1], found)
        self.dialogue.end()
        yield judged_archive.END

    def _is_part(self, volume: Volume) -> bool:
        """Whether it only holds parts of others, which are there."""
        program = answers.MEMBERS.get(volume.kind)
        return volume.held or (program is not None and program not in self.lacks)

    def _readable(self, path: Names) -> Volume:
        volume = next((each for each in self.volumes() if each.name == path[0]), None)
        if volume is None:
            names = ", ".join(guest_paths.shown(each.name) for each in self.volumes()[:20])
            raise errors.NotFound(
                f"The point has no volume '{guest_paths.shown(path[0])}', but these: {names or 'none'}.",
                do="Begin the path with the name of a volume.",
            )
        if (why := self.why_not(volume)) is not None:
            raise errors.NotPossibleNow(f"{guest_paths.shown(volume.name)} cannot be read: {why}.")
        return volume

    def why_not(self, volume: Volume) -> str | None:
        """Why a volume cannot be read; None if it may be."""
        program = answers.MEMBERS.get(volume.kind)
        if program is not None:
            package = image.USEFUL[program]
            return (
                f"a part of others ({volume.kind}), which 'apt install {package}' at this host makes readable"
            )
        return None if volume.is_readable else f"{volume.kind} is no file system that can be read here"


def _below(path: Names) -> bytes:
    return b"".join(b"/" + name for name in path[1:])


@contextlib.contextmanager
def reader(
    root: Path,
    disks: Sequence[tuple[str, Export]],
    *,
    accelerated: bool,
    is_cancelled: Callable[[], bool],
) -> Iterator[Reader]:
    """A helper machine with these disks, by their keys, until the context ends. `root`: below it lies the
    kernel. Raises NotPossibleNow."""
    found = kernel.find(root)
    made = image.build(found)
    exports = [export for _, export in disks]
    with machine.started(
        found, made, exports, accelerated=accelerated, is_cancelled=is_cancelled
    ) as dialogue:
        yield Reader(dialogue, [key for key, _ in disks], made.lacks)
