"""What the guides tell people to type can be typed."""

import re
from pathlib import Path

import pytest

from tests.cli.support_cli import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs" / "guide").glob("*.md")), ROOT / "README.md"]
COMMAND = re.compile(r"^(?:\$ )?(?:sudo )?(?:\./dev shell )?(secondsite [a-z-].*)$")


def commands(page: Path) -> list[str]:
    """The lines in code blocks that begin with `secondsite`, continued ones joined."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [found.group(1) for line in lines if (found := COMMAND.match(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_is_known_with_its_options(page):
    for line in commands(page):
        parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_exists(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_guides_hold_commands():
    assert sum(len(commands(page)) for page in PAGES) > 40
