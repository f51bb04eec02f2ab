"""Draws a PDF of sections of rows: JSON on standard input, the PDF on standard output.

It is started as a program of its own, with bounded memory and time, and nothing else imports it or
reportlab: names in a report come from outside, and a layout that goes wrong must end alone. Rows are drawn
one by one.
"""

import io
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import reportlab
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

MOST_MEMORY_BYTES = 1 << 30
MOST_CPU_SECONDS = 60
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
BUNDLED = Path(reportlab.__file__).with_name("fonts")
FONTS = (
    (DEJAVU / "DejaVuSans.ttf", DEJAVU / "DejaVuSans-Bold.ttf"),
    (BUNDLED / "Vera.ttf", BUNDLED / "VeraBd.ttf"),
)
"""The letters of most of the world where Debian's DejaVu is; else those of western Europe."""
PLAIN, BOLD = "plain", "bold"
WIDTH, HEIGHT = landscape(A4)
MARGIN, GAP = 34.0, 3.0
SIZE, LEADING = 7.0, 8.6
MOST_LETTERS = 4000
MOST_LINES = 40
"""The most lines of a cell: a longer text is cut off, and ends with dots."""
TONES = {
    "good": (0.10, 0.50, 0.22),
    "bad": (0.70, 0.13, 0.11),
    "open": (0.49, 0.33, 0.0),
    "": (0.11, 0.12, 0.14),
}
QUIET, LINE = (0.34, 0.38, 0.42), (0.80, 0.83, 0.86)
Cells = list[dict[str, str]]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    sys.stdout.buffer.write(drawn(json.load(sys.stdin)))


def drawn(document: dict[str, Any]) -> bytes:
    """The PDF of a document as `tables.Document` has it."""
    for name, file in zip((PLAIN, BOLD), _fonts(), strict=True):
        pdfmetrics.registerFont(TTFont(name, file))
    made = io.BytesIO()
    pages = _Pages(Canvas(made, pagesize=(WIDTH, HEIGHT), lang="en"), document["title"])
    pages.lines(document["title"], BOLD, 18, TONES[""])
    pages.lines(document["subtitle"], PLAIN, 8.5, QUIET)
    pages.figures(document["figures"])
    for section in document["sections"]:
        _section(pages, section)
    pages.end()
    return made.getvalue()


def _fonts() -> tuple[str, str]:
    found = next(pair for pair in FONTS if all(file.exists() for file in pair))
    return str(found[0]), str(found[1])


def _section(pages: "_Pages", section: dict[str, Any]) -> None:
    pages.room(60)
    pages.at -= 12
    pages.lines(section["title"], BOLD, 12, TONES[""])
    if not section["rows"]:
        pages.lines(section["empty"], PLAIN, 8.5, TONES[""])
        return
    if section["note"]:
        pages.lines(section["note"], PLAIN, 7.5, QUIET)
    pages.table(section["columns"], section["widths"], section["rows"])


class _Pages:
    """The page that is being drawn; `at` is where its next line begins, from below."""

    def __init__(self, canvas: Canvas, title: str) -> None:
        self._canvas, self._number = canvas, 1
        self.at = HEIGHT - MARGIN
        canvas.setTitle(title)

    def room(self, height: float) -> bool:
        """Begin a new page if there is no such room; gives whether one was begun."""
        if self.at - height >= MARGIN:
            return False
        self._foot()
        self._canvas.showPage()
        self._number += 1
        self.at = HEIGHT - MARGIN
        return True

    def lines(self, text: str, font: str, size: float, colour: tuple[float, float, float]) -> None:
        """A text over the whole width."""
        for line in simpleSplit(_known(text), font, size, WIDTH - 2 * MARGIN):
            self.room(size * 1.35)
            self.at -= size * 1.2
            self._write(MARGIN, line, font, size, colour)
            self.at -= size * 0.15

    def figures(self, of: list[tuple[str, dict[str, str]]]) -> None:
        width = (WIDTH - 2 * MARGIN) / max(1, len(of))
        self.at -= 34
        for number, (name, figure) in enumerate(of):
            x = MARGIN + number * width
            self._write(x, _known(figure["text"]), BOLD, 12, TONES[figure["tone"]])
            self._canvas.translate(0, 14)
            self._write(x, _known(name), PLAIN, 7.5, QUIET)
            self._canvas.translate(0, -14)

    def table(self, columns: list[str], widths: list[float], rows: list[Cells]) -> None:
        unit = (WIDTH - 2 * MARGIN) / sum(widths)
        wide = [each * unit for each in widths]
        head = [{"text": each, "tone": ""} for each in columns]
        self._row(head, wide, BOLD)
        for row in rows:
            cells = [_split(cell["text"], width) for cell, width in zip(row, wide, strict=True)]
            if self.room(_height(cells)):
                self._row(head, wide, BOLD)
            self._cells(cells, [cell["tone"] for cell in row], wide, PLAIN)

    def _row(self, cells: Cells, wide: list[float], font: str) -> None:
        split = [_split(cell["text"], width, font) for cell, width in zip(cells, wide, strict=True)]
        self.room(_height(split))
        self._cells(split, [cell["tone"] for cell in cells], wide, font)

    def _cells(self, cells: list[list[str]], tones: list[str], wide: list[float], font: str) -> None:
        top, x = self.at, MARGIN
        for lines, tone, width in zip(cells, tones, wide, strict=True):
            for line in lines:
                self.at -= LEADING
                self._write(x, line, font, SIZE, TONES[tone])
            self.at, x = top, x + width
        self.at = top - _height(cells)
        self._canvas.setStrokeColorRGB(*LINE)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(MARGIN, self.at + 1, WIDTH - MARGIN, self.at + 1)

    def _write(self, x: float, text: str, font: str, size: float, colour: tuple[float, float, float]) -> None:
        self._canvas.setFont(font, size)
        self._canvas.setFillColorRGB(*colour)
        self._canvas.drawString(x, self.at, text)

    def _foot(self) -> None:
        self._canvas.setFont(PLAIN, 7)
        self._canvas.setFillColorRGB(*QUIET)
        self._canvas.drawRightString(WIDTH - MARGIN, MARGIN / 2, str(self._number))

    def end(self) -> None:
        self._foot()
        self._canvas.save()


def _height(cells: list[list[str]]) -> float:
    return max(len(lines) for lines in cells) * LEADING + GAP


def _split(text: str, width: float, font: str = PLAIN) -> list[str]:
    """The text in lines that fit; a word that does not fit alone is cut."""
    found: list[str] = []
    for line in simpleSplit(_known(text), font, SIZE, width - GAP):
        found += _cut(line, width - GAP, font)
    return [*found[: MOST_LINES - 1], "..."] if len(found) > MOST_LINES else found or [""]


def _cut(line: str, width: float, font: str) -> Iterator[str]:
    begin, wide = 0, 0.0
    for at, letter in enumerate(line):
        wide += pdfmetrics.stringWidth(letter, font, SIZE)
        if wide > width and at > begin:
            yield line[begin:at]
            begin, wide = at, pdfmetrics.stringWidth(letter, font, SIZE)
    yield line[begin:]


def _known(text: str) -> str:
    """The text with a question mark for each letter that the fonts lack."""
    glyphs = pdfmetrics.getFont(PLAIN).face.charToGlyph
    return "".join(each if ord(each) in glyphs else "?" for each in text[:MOST_LETTERS])


if __name__ == "__main__":
    main()
