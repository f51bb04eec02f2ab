"""The report as a page, a PDF and tables, of three machines and of a thousand, with names that mean harm."""

import csv
import io
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

from secondsite.cli.reports import csv_files, page, pdf, tables
from secondsite.domain import errors
from tests.cli.reports.support_report import EVIL, report

VOID = {"meta", "col"}
BOUNDED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))"


class Page(HTMLParser):
    """Tags with their attributes, the text, and whether each tag is closed by its own end."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def small():
    return tables.document(report(6))


@pytest.fixture(scope="module")
def large():
    return tables.document(report(1000, drills=300))


def test_the_page_runs_and_loads_nothing_and_shows_names_as_they_are(small):
    text = page.page(small)
    found = Page(text)
    assert found.open == []
    assert {"script", "img", "link", "iframe", "form", "object"}.isdisjoint(name for name, _ in found.tags)
    assert not [key for _, attributes in found.tags for key in attributes if key.startswith("on")]
    assert EVIL[0] in "".join(found.words)
    assert EVIL[0] not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "default-src 'none'" in text
    assert all(each["href"].startswith("#") for each in found.of("a"))


def test_the_page_can_be_read_without_eyes(small):
    found = Page(page.page(small))
    assert found.of("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(found.of("h1")) == 1
    assert {each["scope"] for each in found.of("th")} == {"col", "row"}
    ids = {each["id"] for each in found.of("h2")}
    assert {each["aria-labelledby"] for each in found.of("section")} == ids
    assert {each["href"][1:] for each in found.of("a")} == ids


def test_what_is_missed_is_said_in_words_and_not_by_colour_alone(small):
    machines = next(each for each in small.sections if each.name == "machines")
    assert {cell.text for row in machines.rows for cell in row if cell.tone == "bad"} >= {"missed"}


def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(tmp_path, small):
    files = csv_files.write(tmp_path / "new" / "folder", small)
    assert len(files) == len(small.sections)
    for file in files:
        rows = [*csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""))]
        assert len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r") and cell != "-"]
        if file.name == "machines.csv":
            assert rows[2][0] == f"'{EVIL[1]}"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_no_beginning_of_a_formula_is_left(text):
    assert csv_files.harmless(text) == f"'{text}"
    assert csv_files.harmless(f"a{text}") == f"a{text}"


def test_a_pdf_is_drawn_by_a_process_of_its_own(small):
    made = pdf.pdf(small)
    assert made.startswith(b"%PDF")
    assert made.rstrip().endswith(b"%%EOF")
    loaded = "import secondsite.cli.app, sys; sys.exit('reportlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("raise SystemExit('no ink')", "no ink"),
        ("import os; os.kill(os.getpid(), 9)", "status -9"),
        (
            "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); 'x' * (1 << 29)",
            "Memory",
        ),
        ("print('no pdf')", "status 0"),
    ],
)
def test_a_process_that_fails_is_told_with_what_to_do(tmp_path, small, program, wanted):
    (tmp_path / "program.py").write_text(program)
    with pytest.raises(errors.Internal, match=wanted) as raised:
        pdf.pdf(small, tmp_path / "program.py")
    assert "--html" in raised.value.do


def test_a_process_that_does_not_end_is_ended(tmp_path, small):
    (tmp_path / "program.py").write_text("import signal\nsignal.pause()")
    with pytest.raises(errors.DeadlineExceeded, match=r"not drawn within 0\.5 s"):
        pdf.pdf(small, tmp_path / "program.py", within_seconds=0.5)


def test_long_words_and_empty_reports_are_drawn():
    word = tables.Cell("w" * 50_000)
    odd = tables.Section("odd", "Odd", ("a", "b"), (1, 1), [(word, tables.Cell(""))], "none")
    nothing = tables.Section("no", "No", ("a",), (1,), [], "nothing")
    assert pdf.pdf(tables.Document("t" * 500, "s", (), (odd, nothing))).startswith(b"%PDF")


def test_a_thousand_machines_cost_little(large, record_property):
    began = time.process_time()
    text = page.page(large)
    record_property("page_processor_seconds", round(time.process_time() - began, 3))
    record_property("page_bytes", len(text))
    assert len(Page(text).of("tr")) > 1400
    made = pdf.pdf(large)
    record_property("pdf_bytes", len(made))
    assert made.count(b"/Type /Page\n") > 40 or made.count(b"/Page") > 40
