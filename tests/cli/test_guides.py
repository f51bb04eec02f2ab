"""What the guides and the program's own sentences tell people to type can be typed."""

import re
import shlex
from pathlib import Path

import pytest

from secondsite.cli import app
from secondsite.rescue import main as rescue
from tests.cli import support_told
from tests.support.entry.typed import alone, command, nouns, parse, parse_part

ROOT = Path(__file__).resolve().parents[2]
NOUNS = frozenset(nouns())
FIRST_WORDS = NOUNS | set(alone())
TOLD = support_told.by_sources(FIRST_WORDS)
PAGES = [*sorted((ROOT / "docs" / "guide").glob("*.md")), ROOT / "README.md"]
PROSE = [*PAGES, ROOT / "docs" / "limits.md", *sorted((ROOT / "docs" / "design").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ |sudo |\./dev shell |ExecStart=/usr/local/bin/)?(secondsite [a-z-].*)$")


def commands(page: Path) -> list[str]:
    """The lines in code blocks that begin with `secondsite`, continued ones joined; those of systemd units
    too."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [found.group(1) for line in lines if (found := COMMAND.match(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_is_known_with_its_options(page):
    for line in commands(page):
        parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_program_in_a_store_can_be_typed(page):
    for line in re.findall(r"^(?:\S*/)?secondsite-rescue (.+)$", page.read_text(), re.M):
        rescue.parser().parse_args(shlex.split(line))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_exists(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_command_within_a_sentence_of_the_page_is_known_too(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for line in support_told.commands(prose, FIRST_WORDS):
        parse_part(line) if "..." in line else parse(line)
    assert [words for words in support_told.named(prose, NOUNS) if command(*words) is None] == []


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told.place)
def test_every_command_that_a_sentence_of_the_program_tells_can_be_typed(told):
    parse(told.line)


def test_every_command_that_a_sentence_of_the_program_names_exists():
    named = {words for _, text in support_told.texts() for words in support_told.named(text, NOUNS)}
    assert named
    assert [words for words in sorted(named) if command(*words) is None] == []


def test_the_sentences_of_the_program_hold_commands_of_most_nouns():
    assert len(TOLD) > 60
    assert len({told.line.split()[1] for told in TOLD}) > 8


def test_the_guides_hold_commands():
    assert sum(len(commands(page)) for page in PAGES) > 40


def test_every_command_explains_itself_within_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    of_nouns = [[noun, verb] for noun, group in nouns().items() for verb in group.commands]
    for words in [*of_nouns, *([name] for name in alone())]:
        assert app.run([*words, "--help"]) == 0
        said = capsys.readouterr()
        assert max(map(len, said.out.splitlines())) <= 80, said.out
        assert said.err == ""
