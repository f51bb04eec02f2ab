"""Sentences count in a grammar that is right."""

from secondsite.ground.plural import counted


def test_one_has_the_singular_and_all_others_the_plural():
    assert [counted(number, "point") for number in (0, 1, 2)] == ["0 points", "1 point", "2 points"]


def test_a_noun_may_have_a_plural_of_its_own():
    assert counted(2, "entry", "entries") == "2 entries"
