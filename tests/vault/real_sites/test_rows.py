"""Each row of the page about dead sites is walked, in a world in which that was lost; all losses befall
the same machines."""

import pytest

from tests.vault.real_sites import support_walking as walking

pytestmark = [pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def furnished():
    with walking.furnished() as verbs:
        yield verbs


@pytest.fixture
def world(furnished, request):
    """Rows of one loss come together (conftest.py): it befalls the world once."""
    if furnished.lost != request.param:
        walking.lose(furnished, request.param)
    return furnished


@pytest.mark.every(by="test", parts=3)
@pytest.mark.parametrize(
    ("world", "row"),
    [(lost, row) for lost in walking.WORLDS for row in walking.of_the_world(lost)],
    indirect=["world"],
    ids=lambda given: given if isinstance(given, str) else f"{given.lost}, {given.name}",
)
def test_a_row_of_the_page_is_true(world, row):
    walking.walk(world, row)
