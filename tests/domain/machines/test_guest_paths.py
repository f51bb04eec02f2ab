"""Every name that a guest can give a file has one text, and each text means one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors
from secondsite.domain.machines import guest_paths

NAMES = st.binary(min_size=1, max_size=60).filter(guest_paths.is_name)


@given(st.lists(NAMES, max_size=5))
def test_what_is_shown_of_a_path_means_that_path(names):
    text = "/" + "/".join(map(guest_paths.shown, names))
    assert guest_paths.meant(text) == tuple(names)
    assert text.isprintable()


@given(NAMES, NAMES)
def test_two_names_are_never_shown_alike(one, other):
    assert (guest_paths.shown(one) == guest_paths.shown(other)) == (one == other)


def test_a_path_is_taken_as_people_type_it():
    assert guest_paths.meant("vda1/etc//./hosts/") == (b"vda1", b"etc", b"hosts")
    assert guest_paths.meant("/") == guest_paths.meant("") == ()
    assert guest_paths.meant("/vda1/Übung") == (b"vda1", "Übung".encode())


@pytest.mark.parametrize(
    "text", ["/vda1/../etc", "/a\0b", "/\\x00", "/\\x2", "/\\q", "/a\\x2fb/..", "/" + "n" * 5000, "/\ud800"]
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(errors.InvalidArgument):
        guest_paths.meant(text)
