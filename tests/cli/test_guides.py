"""What the guides tell people to type can be typed."""

import re
from pathlib import Path

import pytest

from secondsite.cli import app
from tests.cli.support_cli import command, nouns, parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs" / "guide").glob("*.md")), ROOT / "README.md"]
COMMAND = re.compile(r"^(?:\$ |sudo |\./dev shell |ExecStart=/usr/local/bin/)?(secondsite [a-z-].*)$")


def commands(page: Path) -> list[str]:
    """The lines in code blocks that begin with `secondsite`, continued ones joined; those of systemd units too."""
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


def test_every_command_that_a_message_names_exists():
    named = {
        found
        for path in (ROOT / "src").rglob("*.py")
        for found in re.findall(r"[\"' ]secondsite ([a-z]+) ([a-z][a-z-]+)", path.read_text())
    } - {("keeps", "machines")}
    assert len(named) > 20
    assert [words for words in sorted(named) if command(*words) is None] == []


def test_the_guides_hold_commands():
    assert sum(len(commands(page)) for page in PAGES) > 40


def test_every_command_explains_itself_within_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for noun, verb in [(noun, verb) for noun, group in nouns().items() for verb in group.commands]:
        assert app.run([noun, verb, "--help"]) == 0
        said = capsys.readouterr()
        assert max(map(len, said.out.splitlines())) <= 80, said.out
        assert said.err == ""
