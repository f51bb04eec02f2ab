"""Two sites and a protected machine."""

import pytest

from tests.appliance.support_deleted import Time
from tests.support.sites import ca, make_site, pair, sites
from tests.support.small_stores import small

__all__ = ["ca", "make_site", "pair", "sites", "small"]


@pytest.fixture
def time(monkeypatch):
    return Time(monkeypatch)
