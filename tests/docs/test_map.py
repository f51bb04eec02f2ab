"""Where things are: the files that docs/map.md names exist, and the graphs of rooms are small enough to be
read."""

import re

import pytest

from tests.docs.support_requirements import ROOT

SOURCE = ROOT / "src" / "secondsite"
ROW = re.compile(r"^\| (.+?) \| (`.+`) \| (`.+`) \|$", re.MULTILINE)
MOST_NODES, MOST_ARROWS, LONGEST_NODE = 12, 20, 12


def rows():
    return ROW.findall((ROOT / "docs" / "map.md").read_text())


def graphs():
    """What is drawn, by the package that it is drawn of."""
    text = (ROOT / "docs" / "map.md").read_text()
    return dict(re.findall(r"```mermaid\nflowchart TD\n  %% ([\w.]+)\n(.*?)```", text, re.DOTALL))


def nodes(drawn):
    return {
        name for floor in re.findall(r"^    (\w.*)$", drawn, re.MULTILINE) for name in floor.split(" ~~~ ")
    }


def arrows(drawn):
    return re.findall(r"^  (\w+) --> (\w+)$", drawn, re.MULTILINE)


@pytest.mark.parametrize(("what", "first", "then"), rows(), ids=lambda cell: cell.strip("`").split("`")[0])
def test_every_file_of_the_map_exists(what, first, then):
    for path in re.findall(r"`([^`]+)`", f"{first} {then}"):
        assert (SOURCE / path).is_file(), f"{what}: there is no {path}"


def test_the_map_has_twenty_verbs_and_concerns_each_once():
    asked = [what for what, _, _ in rows()]
    assert len(asked) >= 20
    assert len(asked) == len(set(asked))


def test_each_row_of_the_map_names_files():
    text = (ROOT / "docs" / "map.md").read_text()
    written = [
        line
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| what happens", "| what is decided", "| ---"))
    ]
    assert len(written) == len(rows())


@pytest.mark.parametrize("package", sorted(graphs()))
def test_a_graph_of_rooms_is_small_and_of_what_there_is(package):
    drawn = graphs()[package]
    folder = SOURCE.joinpath(*package.split(".")[1:])
    there = {
        path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert nodes(drawn) <= there - {"__init__"}
    assert {name for arrow in arrows(drawn) for name in arrow} <= nodes(drawn)
    assert len(nodes(drawn)) <= MOST_NODES
    assert len(arrows(drawn)) <= MOST_ARROWS
    assert max(map(len, nodes(drawn))) <= LONGEST_NODE
