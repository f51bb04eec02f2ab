"""Fixtures of two sites in this process, and a machine that is to be protected."""

import pytest
import trustme

from rig.appliances import Pair, Site


@pytest.fixture(scope="session")
def ca():
    return trustme.CA()


@pytest.fixture
def make_site(tmp_path, ca):
    made = []

    def make(name, **limits):
        made.append(Site.issued(tmp_path, name, ca, **limits))
        return made[-1]

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
