"""The manual is built without a broken link, and asks for nothing from elsewhere."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from manual import policy, staging

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(900)]

FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?([^\"' >]+)|<link[^>]*\shref=[\"']?([^\"' >]+)"
)
KEPT = staging.ROOT / ".cache" / "manual"
"""What builds it is kept there between runs."""


@pytest.fixture(scope="module")
def built() -> Path:
    run = subprocess.run(
        [staging.ROOT / "manual" / "build", KEPT], capture_output=True, text=True, timeout=800, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr  # broken links and anchors end it
    return KEPT / "built"


def test_no_page_fetches_anything_from_elsewhere(built):
    for page in built.rglob("*.html"):
        fetched = [one or other for one, other in FETCHED.findall(page.read_text())]
        assert fetched, page
        assert [each for each in fetched if "//" in each] == []


def test_every_guide_is_a_page_and_is_found_by_the_search(built):
    found = {
        each["location"] for each in json.loads((built / "search" / "search_index.json").read_text())["docs"]
    }
    for page in (staging.ROOT / "docs" / "guide").glob("*.md"):
        assert (built / "guide" / f"{page.stem}.html").is_file()
        assert f"guide/{page.stem}.html" in found


def test_each_script_within_its_pages_stands_in_the_policy(built):
    said = (built / policy.FILE).read_text()
    for page in built.rglob("*.html"):
        assert [each for each in policy.digests(page.read_text()) if each not in said] == []
