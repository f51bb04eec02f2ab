"""The host's own kernel, and those of its modules that a helper machine needs."""

import gzip
import lzma
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from backports import zstd

from ...domain import errors

UNPACK: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {".ko": bytes, ".xz": lzma.decompress, ".zst": zstd.decompress, ".gz": gzip.decompress}
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Its release, its image, and the folder of its modules."""

    release: str
    image: Path
    modules: Path

    def needed(self, names: Iterable[str]) -> Mapping[str, tuple[bytes, tuple[str, ...]]]:
        """The content of the modules with these names, and of all that they need, by their names, each with
        the names of those that it needs; what is built in, or not there, is left out."""
        known, found = self._known(), {}
        waiting = [_plain(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name not in known or name in found:
                continue
            path, needs = known[name]
            found[name] = UNPACK[path.suffix](path.read_bytes()), needs
            waiting += needs
        return found

    def _known(self) -> Mapping[str, tuple[Path, tuple[str, ...]]]:
        lines = (self.modules / "modules.dep").read_text().splitlines()
        return dict(self._entry(line) for line in lines if ":" in line)

    def _entry(self, line: str) -> tuple[str, tuple[Path, tuple[str, ...]]]:
        path, _, needs = line.partition(":")
        return _name(path), (self.modules / path, tuple(_name(each) for each in needs.split()))


def _name(path: str) -> str:
    return _plain(PurePosixPath(path).name.partition(".")[0])


def _plain(name: str) -> str:
    return name.replace("-", "_")


def find(root: Path, running: str | None = None) -> Kernel:
    """The kernel below `root` that runs here, else the newest. Raises NotPossibleNow if there is none."""
    found = {each.release: each for each in _all(root)}
    release = running or os.uname().release
    if not found:
        raise errors.NotPossibleNow(
            f"There is no kernel in {root / 'boot'} with its modules in {root / 'lib/modules'}, and a helper "
            "machine needs one.",
            do="Install one: 'apt install linux-image-cloud-amd64'. It need not be the one that runs.",
        )
    return found.get(release) or found[max(found, key=_age)]


def _all(root: Path) -> Iterator[Kernel]:
    for image in root.glob("boot/vmlinuz-*"):
        release = image.name.removeprefix("vmlinuz-")
        for modules in (root / "lib/modules" / release, root / "usr/lib/modules" / release):
            if (modules / "modules.dep").is_file():
                yield Kernel(release, image, modules)
                break


def _age(release: str) -> tuple[tuple[int, str], ...]:
    """By numbers where there are numbers: 6.10 is newer than 6.9."""
    parts = release.replace("-", ".").split(".")
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
