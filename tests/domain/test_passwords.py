"""Which passwords are taken."""

import pytest

from secondsite.domain import errors
from secondsite.domain.access.passwords import require_good

GOOD = (
    "three stones in the river",
    "correct horse battery staple",
    "Xk29fLq81mZw",
    "größte Brücke über den Fluss",
)


@pytest.mark.parametrize("password", GOOD)
def test_words_and_letters_of_any_kind_are_taken(password):
    require_good(password, "anna")


@pytest.mark.parametrize(
    "password", ["anna" * 5, "annaanna12345", "MONKEYdragon1!", "q1w2e3r4q1w2e3r4", "............"]
)
def test_common_ones_are_refused_however_they_are_dressed_up(password):
    with pytest.raises(errors.InvalidArgument, match="common"):
        require_good(password, "anna")


def test_letters_count_as_people_see_them():
    with pytest.raises(errors.InvalidArgument, match="11 characters"):
        require_good("e\u0301" * 11, "anna")
