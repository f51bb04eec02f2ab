"""Two vault processes on a real PostgreSQL."""

import pytest

from tests.several.support_several import SeveralVaults
from tests.support.postgres import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]


@pytest.fixture
def several(postgres, postgres_url):
    """Not opened yet."""
    several = SeveralVaults(postgres, postgres_url)
    yield several
    several.close()
