"""How the demo speaks: one line a step, with its figures, and the same in a report for machines."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

console = Console(highlight=False)


@dataclass(slots=True)
class Figures:
    """What one step measured: words for the line, values for the report."""

    sentence: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def say(self, sentence: str, **values: Any) -> None:
        self.sentence = sentence
        self.values.update(values)


class Report:
    """All lines so far; written after each, so that a broken run leaves its report too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[dict[str, Any]] = []
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[Figures]:
        """Times the block and prints its line; an error is part of the report, too."""
        figures = Figures()
        began = time.monotonic()
        with console.status(f"{name} ..."):
            try:
                yield figures
            except BaseException as error:
                self._keep(name, began, figures, error=f"{type(error).__name__}: {error}")
                console.print(f"[red]failed[/] [bold]{name}[/]")
                raise
        self._keep(name, began, figures)
        seconds = time.monotonic() - began
        console.print(f"[green]✔[/] [bold]{name:<24}[/] {seconds:6.1f} s  ", end="")
        console.print(figures.sentence, markup=False, soft_wrap=True)

    def _keep(self, name: str, began: float, figures: Figures, error: str | None = None) -> None:
        line = {"step": name, "seconds": round(time.monotonic() - began, 3), **figures.values}
        self._lines.append({**line, "error": error} if error else line)
        total = round(time.monotonic() - self._began, 3)
        self.path.write_text(
            json.dumps({"total_seconds": total, "steps": self._lines}, indent=2, default=str) + "\n"
        )
