"""Every page is found from docs/README.md, and every decision from its index."""

import re
from pathlib import Path

import pytest

from tests.docs import support_decisions

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    str(page.relative_to(DOCS))
    for page in DOCS.rglob("*.md")
    if page.name != "README.md" and page.parent.name != "adr"
)
LINKED = set(re.findall(r"\]\(([\w./-]+)\)", (DOCS / "README.md").read_text()))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_linked_from_the_index(page):
    assert page in LINKED


def test_every_decision_is_in_its_index_with_its_status():
    assert support_decisions.INDEX.read_text() == support_decisions.rendered(), (
        "write it anew: ./dev shell python -m tests.docs.support_decisions"
    )
