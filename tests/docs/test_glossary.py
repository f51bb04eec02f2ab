"""One word per thing: names that the glossary rules out are not used in the source, and no word is
explained twice."""

import io
import re
import tokenize
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import secondsite

pytestmark = pytest.mark.always

SOURCE = Path(secondsite.__file__).parent
GLOSSARY = SOURCE.parent.parent / "docs" / "glossary.md"
ROW = re.compile(r"^\| (?!word |---)(.+?) \| (.+?) \|(.*)\|$", re.MULTILINE)


def rows():
    return [tuple(cell.strip() for cell in row) for row in ROW.findall(GLOSSARY.read_text())]


def ruled_out():
    return sorted({name for _, _, instead in rows() for name in re.findall(r"`(\w+)`", instead)})


def names_in(path):
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


@pytest.fixture(scope="module")
def used():
    """Names to the modules that use them."""
    found: dict[Any, Any] = {}
    for path in SOURCE.rglob("*.py"):
        for name in names_in(path):
            found.setdefault(name, set()).add(path.relative_to(SOURCE).as_posix())
    return found


@pytest.mark.parametrize("name", ruled_out())
def test_a_name_that_is_ruled_out_is_not_used(used, name):
    assert name not in used, f"docs/glossary.md has another word for '{name}', which these use: {used[name]}"


def test_every_word_is_explained_once():
    words = Counter(word.strip() for cell, _, _ in rows() for word in cell.split(","))
    assert not {word for word, times in words.items() if times > 1}


def test_the_glossary_rules_out_what_earlier_releases_said():
    assert {"ballast", "door", "enrol", "give_way", "make_room", "straight", "wish"} <= set(ruled_out())
