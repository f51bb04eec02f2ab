"""Site b is lost for ever: target of machines on their way out, source of those on their way back."""

import pytest

from tests.vault.real_sites import support_walking as walking

pytestmark = [pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(600)]

LOST = "site b"


@pytest.mark.parametrize("row", walking.of_the_world(LOST), ids=lambda row: f"{row.lost}, {row.name}")
def test_a_row_of_the_page_is_true(world, row):
    walking.walk(world, row)
