"""Two sites and a protected machine."""

import pytest
import trustme

from tests.appliance.support_sites import Pair, Site


@pytest.fixture(scope="session")
def ca():
    return trustme.CA()


@pytest.fixture
def make_site(tmp_path, ca):
    made = []

    def make(name, **limits):
        site = Site(tmp_path, name, ca, **limits)
        made.append(site)
        return site

    yield make
    for site in made:
        site.end()


@pytest.fixture
def sites(make_site):
    """Two running sites, a and b."""
    return make_site("a").start(), make_site("b").start()


@pytest.fixture
def pair(sites):
    """A machine on site a, to be protected to site b."""
    a, b = sites
    return Pair(a, b, a.make_machine())
