"""Another Debian release beside this system's."""

import pytest

from rig.release import __main__ as command
from rig.release import sources


@pytest.mark.parametrize("words", [[], ["13"], ["11", "demo"], ["trixie", "demo"]])
def test_a_release_and_a_command_are_asked_for(words, capsys):
    assert command.main(words) == 2
    assert "next: ./dev debian 13 demo" in capsys.readouterr().err


def test_it_comes_from_where_this_system_comes_from():
    try:
        mine = sources.of(sources.codename())
    except sources.NoSources as unknown:
        pytest.skip(str(unknown))
    theirs = sources.of("trixie")
    assert theirs[0].suite == "trixie"
    assert {each.suite.partition("-")[0] for each in theirs} == {"trixie"}
    assert [each.site for each in theirs] == [each.site for each in mine]
    assert str(theirs[0]) == f"deb {mine[0].site} trixie main"
