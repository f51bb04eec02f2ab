"""Rows as aligned text that fits: columns for which there is no room go below their row, nothing is cut off."""

from collections.abc import Iterator, Sequence

from rich.text import Text

GAP = 2
INDENT = "    "


def lines(headers: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> Iterator[Text]:
    """The header's line, then each row's; `width` in characters."""
    widths = [max(len(header), *(row[at].cell_len for row in rows)) for at, header in enumerate(headers)]
    fit = _fitting(widths, width)
    yield _aligned([Text(header, style="bold") for header in headers[:fit]], widths)
    for row in rows:
        yield _aligned(row[:fit], widths)
        if fit < len(headers):
            yield from _below(headers[fit:], row[fit:])


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many of the leading columns fit side by side: at least one."""
    fit = 1
    while fit < len(widths) and sum(widths[: fit + 1]) + GAP * fit <= width:
        fit += 1
    return fit


def _aligned(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=False):
        line.append(" " * GAP if len(line) else "")
        line.append_text(cell)
        line.append(" " * (width - cell.cell_len))
    line.rstrip()
    return line


def _below(headers: Sequence[str], cells: Sequence[Text]) -> Iterator[Text]:
    """What did not fit: the sentence alone, of the others each with its name."""
    said = [
        Text.assemble((f"{header}: ", "dim") if header not in ("", "result") else "", cell)
        for header, cell in zip(headers, cells, strict=True)
        if cell.plain not in ("", "-")
    ]
    if said:
        yield Text(INDENT) + Text(", ").join(said)
