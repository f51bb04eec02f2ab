"""docs/clocks.md: every place that reads a clock stands there, and every row names a test that is there."""

import re

import pytest

from tests.docs.support_requirements import ROOT

SOURCE = ROOT / "src" / "secondsite"
ROW = re.compile(r"^\| (.+?) \| (`.+?`) \| (.+?) \| (.+?) \| `(.+?)::(.+?)` \|$", re.M)
READS = re.compile(r"\b(utc_now|datetime\.now\(|time\.time\(|now\(\)|_now\(\)|_clock\(\)|database_now\()")
NOT_READING = ("#", "def ", "from ", "import ")
PAGE = (ROOT / "docs" / "clocks.md").read_text()
MODULES = re.compile(r"`((?!tests/)[\w/]+\.py)`")


def reads(path):
    lines = (line.strip() for line in path.read_text().splitlines())
    return any(READS.search(line) and not line.startswith(NOT_READING) for line in lines)


def test_whoever_reads_a_clock_stands_in_the_page():
    reading = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if reads(path)}
    told = set(MODULES.findall(PAGE))
    assert reading - told == set(), "say what a jump of its clock does there"
    assert [path for path in told if not (SOURCE / path).is_file()] == []


def test_the_table_has_its_rows():
    assert len(ROW.findall(PAGE)) == sum(line.startswith("| ") for line in PAGE.splitlines()) - 2
    assert len(ROW.findall(PAGE)) >= 29


@pytest.mark.parametrize(("path", "name"), [(row[4], row[5]) for row in ROW.findall(PAGE)])
def test_each_row_s_test_is_there(path, name):
    assert f"def {name}(" in (ROOT / "tests" / path).read_text()
