"""The threat model says of each attacker which test shows how far he gets: those tests are there."""

import re

import pytest

from tests.docs.support_requirements import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
ATTACKERS = re.findall(r"^\| \*\*(.+?)\*\*.*\| (.+?) \|$", TEXT, re.MULTILINE)


def test_the_table_is_found():
    assert len(ATTACKERS) > 10


@pytest.mark.parametrize(("attacker", "shown_by"), ATTACKERS)
def test_what_an_attacker_can_do_is_shown_by_tests_that_there_are(attacker, shown_by):
    named = re.findall(r"[\w/]*test_\w+", shown_by)
    assert named
    assert [name for name in named if not (ROOT / "tests" / f"{name}.py").is_file()] == []
