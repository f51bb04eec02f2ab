"""What code and docs cite lies in this repository: requirements, decisions, traps, ADRs, pages and their
sections."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.support_requirements import ROOT, Row, decisions, requirements, traps

PLACES = (
    "src",
    "tests",
    "rig",
    "bench",
    "chaos",
    "demo",
    "guestkit",
    "docs",
    "README.md",
    "CHANGELOG.md",
    "changelog",
    "CONTRIBUTING.md",
    "dev",
)
TEXT = frozenset({".py", ".md", ".sh", ".toml"})
HEADING = re.compile(r"^#+ (.+)$", re.M)
LINK = re.compile(r"\]\(([^)\s:]*?)(?:#([^)\s]*))?\)")
NAMED_SECTION = re.compile(r"docs/([a-z-]+\.md), [\"']([^\"']+)[\"']")
OUTSIDE = re.compile(r"\bdocuments? 0|\b00[0-4] L\d|\bfacts,? P\d|\bseeds? 0")
"""How code once cited papers that never were in the repository."""


@cache
def texts() -> dict[Path, str]:
    found = [path for place in PLACES for path in (ROOT / place, *(ROOT / place).rglob("*"))]
    return {
        path: path.read_text()
        for path in found
        if path.is_file() and (path.suffix in TEXT or path.parent == ROOT) and path != Path(__file__)
    }


def cited(pattern: str) -> Iterator[tuple[str, str]]:
    """The first group of each match, and where it stands."""
    for path, text in texts().items():
        for found in re.finditer(pattern, text):
            line = text.count("\n", 0, found.start()) + 1
            yield found.group(1), f"{path.relative_to(ROOT)}:{line}"


def unresolved(pattern: str, known: set[str], *, at_least: int) -> list[tuple[str, str]]:
    """Citations of what is not known; fails if the pattern finds so few that it can't be right any more."""
    found = list(cited(pattern))
    assert len(found) >= at_least
    return [each for each in found if each[0] not in known]


def anchors(page: Path) -> set[str]:
    """The sections of a page as links name them."""
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# ---- the requirements and the traps themselves
# --------------------------------------------------------------


def test_each_requirement_each_decision_and_each_trap_stands_there_once():
    assert [row.number for row in requirements()] == [f"S-{n:03}" for n in range(1, 345)]
    assert decisions() == [f"C-{n:02}" for n in range(1, 41)]
    assert [row.number for row in traps()] == [f"P{n}" for n in range(1, 26)]


def test_every_file_that_a_row_names_exists():
    named = [(row.number, path) for row in (*requirements(), *traps()) for path in (*row.sources, *row.tests)]
    assert [f"{number}: {path}" for number, path in named if not path.is_file()] == []


def test_a_requirement_has_a_status_and_what_belongs_to_it():
    assert [fault for row in requirements() for fault in faults(row)] == []


WHY = ROOT / "docs" / "adr" / "0232-what-is-other-than-the-documents-say.md"


def faults(row: Row) -> Iterator[str]:
    """What is wrong with a requirement's row."""
    if row.status not in ("implemented", "partly", "otherwise", "not yet", "does not apply"):
        yield f"{row.number}: '{row.status}' is no status"
    if row.status in ("implemented", "otherwise") and not (row.sources and row.tests):
        yield f"{row.number}: name the file that does it and the test that would notice"
    if row.status == "implemented" and row.remark:
        yield f"{row.number}: what is missing makes it 'partly'"
    if row.status in ("partly", "otherwise", "does not apply") and not row.remark:
        yield f"{row.number}: say what is missing, what happens instead, or why it does not apply"
    if row.status == "otherwise" and row.number not in WHY.read_text():
        yield f"{row.number}: say in {WHY.name} why it is other"


def test_the_readme_counts_what_is_implemented():
    said = re.search(
        r"Of the (\d+) \[requirements\]\(\S+\) (\d+) are implemented", (ROOT / "README.md").read_text()
    )
    done = [row for row in requirements() if row.status == "implemented"]
    assert said is not None
    assert said.groups() == (str(len(requirements())), str(len(done)))


def test_a_trap_is_handled_and_tested_or_is_a_limit():
    assert [row.number for row in traps() if not ((row.sources and row.tests) or "limit" in row.remark)] == []


# ---- citations ---------------------------------------------------------------------------------------------


def test_every_requirement_that_is_cited_exists():
    known = {each.number for each in requirements()}
    assert unresolved(r"\b(S-\d+)\b", known, at_least=400) == []


def test_every_decision_that_is_cited_exists():
    assert unresolved(r"\b(C-\d+)\b", set(decisions()), at_least=60) == []


def test_every_trap_that_is_cited_exists():
    assert unresolved(r"\b(P\d{1,2})\b", {row.number for row in traps()}, at_least=50) == []


def test_every_adr_that_is_cited_exists():
    known = {str(int(path.name[:4])) for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    assert unresolved(r"\bADRs? (\d+)", known, at_least=20) == []


def test_every_page_that_is_cited_exists():
    for path, where in cited(r"(?<![\w/])(docs/[\w./-]*\w)"):
        assert (ROOT / path).exists(), f"{where} cites {path}"


def test_every_section_that_is_cited_exists():
    for path, text in texts().items():
        for page, section in NAMED_SECTION.findall(text):
            assert section in HEADING.findall((ROOT / "docs" / page).read_text()), f"{path} cites {section}"


@pytest.mark.parametrize(
    "page", [path for path in texts() if path.suffix == ".md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_of_a_page_leads_somewhere(page: Path):
    for target, anchor in LINK.findall(page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


def test_nothing_cites_papers_that_are_not_here():
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, text in texts().items()
        for line in text.splitlines()
        if OUTSIDE.search(line)
    ]
    assert found == []
