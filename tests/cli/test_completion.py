"""What a shell has of the command line without starting it: what it completes, and manual pages."""

import subprocess
import sys

import pytest

from secondsite.entry.shell import write
from secondsite.entry.shell.words import tree
from tests.support.entry.completion import TYPED, bash

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usr")
    write.write(folder, "vendor-completions")
    return folder


@pytest.mark.parametrize("line", TYPED)
def test_bash_completes_nouns_verbs_options_and_choices_and_starts_nothing(line, written):
    script = written / "share/bash-completion/completions/secondsite"
    done = subprocess.run(
        bash(script, line), capture_output=True, text=True, timeout=60, check=True, env={"PATH": "/nowhere"}
    )
    assert set(done.stdout.split()) == TYPED[line], done.stderr
    assert done.stderr == ""


def test_what_is_hidden_is_neither_completed_nor_described(written):
    assert "unseal" not in {word for each in tree().all() for word in each.words}
    assert "--token " not in (written / "share/bash-completion/completions/secondsite").read_text()


def test_each_verb_has_its_place_in_a_manual_page(written):
    pages = {path.stem: path.read_text() for path in (written / "share/man/man1").iterdir()}
    for command in tree().all():
        if command.words and not command.commands:
            page = pages[f"secondsite-{command.words[0]}"]
            title = f"secondsite {' '.join(command.words)}".replace("-", "\\-")
            assert title in page
            for option in command.options:
                assert option.names[0].replace("-", "\\-") in page


def test_nothing_in_them_is_of_the_place_where_they_were_made(written):
    for path in (each for each in written.rglob("*") if each.is_file()):
        assert sys.prefix not in path.read_text(), path
