"""secondsite report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ...domain import errors
from ...wire.rest.access.reports import Report
from .. import output
from ..options import Json, connect
from . import csv_files, page, pdf, tables
from .tables import Document

Html = Annotated[Path | None, typer.Option("--html", help="A page for people, in one file.", metavar="FILE")]
Pdf = Annotated[Path | None, typer.Option("--pdf", help="The same to print.", metavar="FILE")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Its tables, a file each.", metavar="FOLDER")]


def report(
    context: typer.Context,
    html: Html = None,
    pdf_file: Pdf = None,
    csv_folder: Csv = None,
    as_json: Json = False,
) -> None:
    """The state of protection and of the last week: coverage, RPO and RTO against goals, drills done and
    missed, changes since the last good drill, findings, who asked for what.
    Example: secondsite report --html report.html --pdf report.pdf --csv report"""
    with connect(context) as vault:
        found = vault.report()
    document = tables.document(found)
    written = [*_files(document, html, pdf_file, csv_folder)]
    if as_json:
        output.show_json(found)
        return
    for each in written:
        output.say(f"wrote {each}")
    if not written:
        _show(found, document)


def _files(of: Document, html: Path | None, pdf_file: Path | None, folder: Path | None) -> Iterator[Path]:
    if html is not None:
        yield _write(html, page.page(of).encode(), "--html")
    if pdf_file is not None:
        yield _write(pdf_file, pdf.pdf(of), "--pdf")
    if folder is not None:
        yield from csv_files.write(folder, of)


def _write(file: Path, content: bytes, option: str) -> Path:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise errors.InvalidArgument(
            f"{file} cannot be written: {error.strerror}.", do=f"Give another file with {option}."
        ) from error
    return file


def _show(found: Report, of: Document) -> None:
    """What stands at the top of the page, and how many rows each of its tables has."""
    output.say(of.subtitle)
    output.show_facts((name, cell.text) for name, cell in of.figures)
    output.show_facts((each.title.lower(), len(each.rows)) for each in of.sections)
    for each in found.coverage:
        if each.problem is not None:
            output.warn(f"Site {each.site}: {each.problem.message}")
    output.say("All of it: --html FILE, --pdf FILE, --csv FOLDER, or --json.")
