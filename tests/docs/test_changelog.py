"""The changelog names this release, can be read in a terminal, and what waits for the next release is
written as it is to be."""

import re
import tomllib

from secondsite import __version__
from tests.docs.support_requirements import ROOT

CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = ROOT / "changelog" / "unreleased"
SECTION = re.compile(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)(?:: .+)?$", re.MULTILINE)
FRAGMENT = re.compile(r"(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md")
BEGINS = ("Added: ", "Changed: ", "Fixed: ", "Removed: ", "Security: ")
FIRST = 1294
"""Those of before are in the section of 0.2.0."""
LONGEST_LINE = 110


def faults(name, text):
    """What is wrong with a fragment."""
    named = FRAGMENT.fullmatch(name)
    if named is None:
        yield f"{name}: call it NUMBER-words.md, the number with four digits"
    elif int(named[1]) < FIRST:
        yield f"{name}: numbers go on from {FIRST}"
    if not text.startswith(BEGINS):
        yield f"{name}: it begins with one of: {', '.join(BEGINS)}"
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        yield f"{name}: a line has more than {LONGEST_LINE} characters"


def versions():
    return [tuple(map(int, number.split("."))) for number, _ in SECTION.findall(CHANGELOG.read_text())]


def test_the_version_stands_in_two_places_and_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_newest_section_is_that_of_this_version():
    assert SECTION.findall(CHANGELOG.read_text())[0][0] == __version__


def test_sections_stand_newest_first_and_each_has_a_version_and_a_day():
    text = CHANGELOG.read_text()
    assert versions() == sorted(versions(), reverse=True)
    assert len(versions()) == len(re.findall(r"^## ", text, re.MULTILINE))


def test_no_line_of_the_changelog_is_wider_than_a_page():
    assert [line for line in CHANGELOG.read_text().splitlines() if len(line) > LONGEST_LINE] == []


def test_what_waits_for_the_next_release_is_written_as_it_is_to_be():
    waiting = sorted(path for path in UNRELEASED.iterdir() if path.name != "README.md")
    assert [fault for path in waiting for fault in faults(path.name, path.read_text())] == []


def test_a_fault_of_a_fragment_would_be_seen():
    assert list(faults("1294-some-words.md", "Added: a thing\n")) == []
    assert len(list(faults("1293-some-words.md", "Added: a thing\n"))) == 1
    assert len(list(faults("some-words.md", "New: a thing\n"))) == 2
    assert len(list(faults("1294-some-words.md", f"Added: {'x' * LONGEST_LINE}\n"))) == 1
