"""The reference pages are what the code says."""

import pytest

from secondsite.entry import reference

pytestmark = pytest.mark.always


@pytest.mark.parametrize("name", reference.pages())
def test_the_page_is_rendered_from_the_code(name):
    said = (reference.FOLDER / name).read_text()
    assert said == reference.pages()[name](), (
        "write the pages: ./dev shell python -m secondsite.entry.reference"
    )


def test_no_page_is_left_that_nothing_renders():
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.pages())
