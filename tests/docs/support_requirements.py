"""docs/requirements.md and the traps of docs/design/traps.md as rows."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "requirements.md"
TRAPS = ROOT / "docs" / "design" / "traps.md"
ROW = re.compile(r"^\| (S-\d+) \| (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", re.M)
DECISION = re.compile(r"^\| (C-\d+) \|", re.M)
TRAP = re.compile(r"^\| (P\d+) (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|$", re.M)
PATH = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """A requirement or a trap. `status` of a requirement is what stands before the colon, `remark` what
    stands after it; a trap has no status."""

    number: str
    text: str
    status: str
    remark: str
    sources: tuple[Path, ...]
    tests: tuple[Path, ...]


def requirements() -> list[Row]:
    """In the order of the page, doubles included."""
    return [
        _row(number, text, state.partition(": ")[0], state.partition(": ")[2], sources, tests)
        for number, text, state, sources, tests in ROW.findall(PAGE.read_text())
    ]


def traps() -> list[Row]:
    """In the order of the page, doubles included."""
    return [
        _row(number, text, "", done, sources, tests)
        for number, text, done, sources, tests in TRAP.findall(TRAPS.read_text())
    ]


def decisions() -> list[str]:
    """The numbers of the decisions, in their order."""
    return DECISION.findall(PAGE.read_text())


def _row(number: str, text: str, status: str, remark: str, sources: str, tests: str) -> Row:
    where = tuple(_source(path) for path in PATH.findall(sources))
    there = tuple(ROOT / "tests" / path for path in PATH.findall(tests))
    return Row(number, text, status, remark, where, there)


def _source(path: str) -> Path:
    return ROOT / path if path.startswith("docs/") else ROOT / "src" / "secondsite" / path
