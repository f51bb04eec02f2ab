"""docs/procedures.md: what it tells people to type can be typed, the tests that it names are there,
and so are the words of the console; no row is empty that is about what is here."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from secondsite.domain.health import CATALOGUE
from tests.support.entry import typed

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "procedures.md").read_text()
CELLS = re.compile(r"^\| (\d\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", re.M)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
CODE = re.compile(r"`([^`]+)`")
WORDS = "".join(path.read_text() for path in sorted((ROOT / "console" / "src" / "words").glob("*.ts")))
WITHOUT_TEST = ("yours", "does not apply", "**not there")
NOT_THERE = "not there"


@dataclass(frozen=True)
class Row:
    number: str
    procedure: str
    step: str
    here: str
    console: str
    tests: str

    @property
    def place(self) -> tuple[int, ...]:
        """Document, procedure and step."""
        return tuple(map(int, self.number.split(".")))

    @property
    def commands(self) -> list[str]:
        return [each for each in CODE.findall(self.here) if each.startswith("secondsite ")]


ROWS = [Row(*cells) for cells in CELLS.findall(TEXT)]
GOOD = Row(
    "0.1.1",
    "x",
    "y",
    "`secondsite machine list`",
    "*Machines*",
    "`cli/test_asking.py::test_all_machines_are_summed_up`",
)


def faults(row: Row) -> Iterator[str]:
    """What is wrong with a row beside its commands."""
    if not row.tests and not row.here.startswith(WITHOUT_TEST):
        yield f"{row.number}: name the test that would notice"
    if re.sub(NAMED, "", row.tests).strip(", "):
        yield f"{row.number}: a test is named as `FILE::TEST`"
    yield from (
        f"{row.number}: there is no {path}::{name}"
        for path, name in NAMED.findall(row.tests)
        if not is_there(path, name)
    )
    for word in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", row.console):
        if f"'{word}'" not in WORDS and f'"{word}"' not in WORDS:
            yield f"{row.number}: the console does not say '{word}'"
    for code in re.findall(r"findings? `([^`]+)`", row.here):
        if code not in CATALOGUE:
            yield f"{row.number}: there is no finding '{code}'"
    for option in (each for each in CODE.findall(row.here) if each.startswith("--")):
        if not any(option.split()[0] in options(command) for command in row.commands):
            yield f"{row.number}: none of its commands takes '{option}'"


def is_there(path: str, name: str) -> bool:
    file = ROOT / "tests" / path
    return file.is_file() and f"def {name}(" in file.read_text()


def options(line: str) -> set[str]:
    _, noun, verb, *_ = line.split()
    return {option for each in typed.command(noun, verb).params for option in each.opts}


def all_faults(rows: Iterable[Row]) -> list[str]:
    return [fault for row in rows for fault in faults(row)]


def test_the_page_has_the_procedures_of_all_documents_in_their_order():
    assert len(ROWS) == sum(bool(re.match(r"\| \d\.", line)) for line in TEXT.splitlines())
    places = [row.place for row in ROWS]
    assert [first for first, _, _ in places if first not in range(5)] == []
    assert places[0] == (0, 1, 1)
    for (document, procedure, step), after in pairwise(places):
        steps = ((document, procedure, step + 1), (document, procedure + 1, 1), (document + 1, 1, 1))
        assert after in steps
    assert places[-1][0] == 4


@pytest.mark.parametrize("row", [row for row in ROWS if row.commands], ids=lambda row: row.number)
def test_what_a_row_tells_people_to_type_can_be_typed(row: Row):
    for line in row.commands:
        typed.parse(line)


def test_every_row_has_what_belongs_to_it():
    assert all_faults(ROWS) == []


def test_the_rows_that_it_speaks_of_are_there():
    known = {row.number for row in ROWS}
    spoken = re.findall(r"\b(\d\.\d+\.\d+)\b", CODE.sub("", TEXT))
    assert [each for each in spoken if each not in known] == []


def test_what_is_not_there_is_listed_above_the_table():
    (listed,) = re.findall(r"^\*\*Not there\*\*, as a whole or in part: ((?:.+\n)+)", TEXT, re.M)
    lacking = [row.number for row in ROWS if NOT_THERE in row.here + row.console]
    assert re.findall(r"\d\.\d+\.\d+", listed) == lacking


# ---- they can fail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"tests": ""}, "name the test"),
        ({"tests": "tried by hand"}, "is named as"),
        ({"tests": "`cli/test_asking.py::test_no_such`"}, "there is no cli/test_asking.py::test_no_such"),
        ({"tests": "`cli/test_nowhere.py::test_x`"}, "there is no cli/test_nowhere.py"),
        ({"console": "machine: *Fly away*"}, "does not say 'Fly away'"),
        ({"here": "finding `all-is-lost` of `secondsite machine list`"}, "no finding 'all-is-lost'"),
        ({"here": "`secondsite machine list`, or `--sideways`"}, "takes '--sideways'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_seen(changes, seen):
    assert all_faults([GOOD]) == []
    (fault,) = faults(replace(GOOD, **changes))
    assert seen in fault


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("machine fly web01", "no command 'secondsite machine fly'"),
        ("machine failover web01 --up", "No such option: --up"),
        ("machine failover web01 --choice sideways", "sideways"),
        ("job show", "job"),
    ],
)
def test_what_cannot_be_typed_is_seen(line, why):
    with pytest.raises(Exception, match=why):
        typed.parse(f"secondsite {line}")
