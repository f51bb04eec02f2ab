"""What a run prints: a table that fits 80 columns, and below it how each figure came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.figure import Figure

INDENT = (0, 0, 0, 4)


def of(figures: Sequence[Figure]) -> Iterator[RenderableType]:
    """The table of all figures, then each one's spread, its peer and what was measured."""
    if figures:
        yield _table(figures)
    for figure in figures:
        yield Text(figure.name, style="bold")
        for text in _below(figure):
            yield Padding(Text(text), INDENT)


def goal(figure: Figure) -> str:
    return f"{'>=' if figure.better == 'higher' else '<='} {figure.goal:g}"


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in ("figure", "value", "goal", ""):
        table.add_column(header, no_wrap=True)
    for each in figures:
        reached = "[green]reached[/]" if each.reached else "[yellow]missed[/]"
        table.add_row(each.name, f"{each.value:.3g} {each.unit}", goal(each), reached)
    return table


def _below(figure: Figure) -> Iterator[str]:
    if figure.spread:
        yield ", ".join(f"{word} {value:.3g}" for word, value in figure.spread.items())
    yield f"peer: {figure.peer}"
    yield f"how: {figure.how}"
