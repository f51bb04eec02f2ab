"""The report as CSV files, one for each section, for spreadsheets."""

import csv
import io
from pathlib import Path

from ...domain import errors
from .tables import Document, Section

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell may begin with that a spreadsheet would run: names come from machines, and from people."""
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it one of the common spreadsheets takes UTF-8 for something else."""


def write(folder: Path, of: Document) -> list[Path]:
    """Write the files into the folder, which is made; gives their paths. Raises InvalidArgument."""
    files = {folder / f"{each.name}.csv": text(each) for each in of.sections}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            file.write_text(BYTE_ORDER_MARK + content, encoding="utf-8", newline="")
    except OSError as error:
        raise errors.InvalidArgument(
            f"{error.filename or folder} cannot be written: {error.strerror}.",
            do="Give another folder with --csv.",
        ) from error
    return list(files)


def text(of: Section) -> str:
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(of.columns)
    writer.writerows([harmless(each.text) for each in row] for row in of.rows)
    return made.getvalue()


def harmless(text: str) -> str:
    """The text of a cell; one that a spreadsheet would take for a formula begins with an apostrophe. A dash
    alone stands for nothing."""
    return f"'{text}" if text.startswith(FORMULAS) and text != "-" else text
