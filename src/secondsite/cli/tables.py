"""Rows as aligned text, each on one line. If a width is given, columns that do not fit are put below their
row.

Nothing is cut off, wrapped or framed, so what is piped can be searched line by line.
"""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

GAP = 2
INDENT = "    "
PAPER = Console(width=1_000_000, height=1)
"""The console on which tables are laid out: wider than any table. Without a height, rich takes a terminal
that calls itself dumb to have 80 columns, whatever width is given: half of the columns were lost there."""


def lines(headers: Sequence[str], rows: Sequence[Sequence[Text]], width: int | None) -> Iterator[Text]:
    """The header's line, then each row's; `width` in characters, None for as wide as they are."""
    rows = [[_on_one_line(cell) for cell in row] for row in rows]
    fit = len(headers)
    while width is not None and fit > 1 and PAPER.measure(_table(headers[:fit], rows)).maximum > width:
        fit -= 1
    header, *aligned = _laid_out(_table(headers[:fit], rows))
    yield header
    for line, row in zip(aligned, rows, strict=True):
        yield line
        yield from _below(headers[fit:], row[fit:])


def pairs(facts: Iterable[tuple[str, Text]]) -> Iterator[Text]:
    """Names and values side by side."""
    table = Table.grid(padding=(0, GAP, 0, 0))
    for name, value in facts:
        table.add_row(Text(name, style="bold"), value)
    return _laid_out(table) if table.rows else iter(())


def _table(headers: Sequence[str], rows: Iterable[Sequence[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for header in headers:
        table.add_column(header, header_style="bold", no_wrap=True)
    for row in rows:
        table.add_row(*row[: len(headers)])
    return table


def _laid_out(table: Table) -> Iterator[Text]:
    for segments in PAPER.render_lines(table, pad=False):
        yield _text(segments)


def _text(segments: Iterable[Segment]) -> Text:
    line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
    line.rstrip()
    return line


def _on_one_line(cell: Text) -> Text:
    return Text(" ").join(cell.split("\n")) if "\n" in cell.plain else cell


def _below(headers: Sequence[str], cells: Sequence[Text]) -> Iterator[Text]:
    """The cells that did not fit: the sentence by itself, each other one with its column's name."""
    said = [
        Text.assemble((f"{header}: ", "dim") if header not in ("", "result") else "", cell)
        for header, cell in zip(headers, cells, strict=True)
        if cell.plain not in ("", "-")
    ]
    if said:
        yield Text(INDENT) + Text(", ").join(said)
